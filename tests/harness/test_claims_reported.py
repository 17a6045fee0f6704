"""The claims of a scenario are reported in the form of clauses, without a number, and count for the exit status."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from harness import cli
from harness.clauses import Ruling, Verdict
from harness.cli import main
from harness.history.record import History
from harness.history.terms import Terms
from harness.options import parse
from harness.report import json as json_report
from harness.report import junit
from harness.report.console import ConsoleReport, table_of
from harness.run import FAILED, PASSED, UNDECIDED, Outcome, run
from harness.scenarios import SCENARIOS, AnyStage
from harness.targets.declaration import REFERENCE, Ask, Profile
from tests.harness.test_tellings import telling as one_telling
from tests.harness.test_tellings import told

PASS, FAIL, UNKNOWN, EXCLUDED = Verdict
READY = Ruling(1, "readiness-first", PASS, "503")
KEPT = Ruling(0, "ready-throughout", PASS, "all of them")
BROKEN = Ruling(0, "memory-bounded", FAIL, "93.0 MiB", to_do="bound it")
BUSY = Ruling(0, "honest-unmoved", UNKNOWN, "lagged", busy=True)


def outcome(*claims: Ruling, rulings: tuple[Ruling, ...] = (READY,)) -> Outcome:
    history = History(Terms(REFERENCE, 1.0, None, 1.0, None))
    told = one_telling(*rulings, claims=claims)
    return Outcome(SCENARIOS["abuse"], REFERENCE, Ask(), history, list(rulings), 0, [told], list(claims))


@pytest.mark.parametrize(
    ("claims", "rulings", "status"),
    [
        ((KEPT,), (READY,), PASSED),
        ((KEPT, BROKEN), (READY,), FAILED),
        ((KEPT, BUSY), (READY,), UNDECIDED),
        ((BUSY, BROKEN), (READY,), FAILED),
        ((KEPT,), (replace(READY, verdict=FAIL),), FAILED),
        ((BROKEN,), (replace(READY, verdict=UNKNOWN),), FAILED),
    ],
)
def test_a_claim_counts_for_the_exit_status(
    claims: tuple[Ruling, ...], rulings: tuple[Ruling, ...], status: int
) -> None:
    assert outcome(*claims, rulings=rulings).exit_code == status


async def test_a_command_ends_with_what_its_claims_come_to(monkeypatch: pytest.MonkeyPatch) -> None:
    async def perform(*_: object) -> Outcome:
        return outcome(BROKEN)

    monkeypatch.setattr(cli, "run", perform)
    monkeypatch.setattr(cli, "end_on_sigterm", lambda: None)
    assert await cli.run_all(parse(["run", "abuse"]), ConsoleReport(io.StringIO())) == FAILED


async def test_a_claim_that_a_busy_machine_leaves_unknown_is_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    tellings = [one_telling(READY, claims=[BUSY]), one_telling(READY, claims=[replace(BUSY, verdict=PASS, busy=False)])]
    together, words, _ = await told(monkeypatch, tellings, at_most=3)
    assert words == [(2, [0])]
    assert [each.verdict for each in together.claims] == [PASS]


async def test_a_target_that_cannot_be_attacked_has_its_claims_excluded() -> None:
    async def nobody_watches(_: AnyStage) -> None:
        raise AssertionError("nothing was to be started")

    found = await run(SCENARIOS["abuse"], Profile(url="ws://127.0.0.1:8000/ws"), Ask(), nobody_watches)
    assert [each.name for each in found.claims] == list(SCENARIOS["abuse"].claims)
    assert {each.verdict for each in found.claims} == {EXCLUDED}


def test_a_person_sees_them_after_the_clauses_by_name_with_what_to_do() -> None:
    stream = io.StringIO()
    report = ConsoleReport(stream)
    report.run_again(3, 2, [BUSY])
    report.show(outcome(KEPT, BROKEN))
    said = stream.getvalue()
    assert "clause honest-unmoved was unknown because the machine was busy" in said
    assert said.index("readiness-first") < said.index("    ready-throughout        pass      all of them")
    assert "    memory-bounded          fail      93.0 MiB\n" in said
    assert "to do     bound it" in said
    assert "abuse: 1 pass; its claims: 1 pass, 1 fail (memory-bounded)" in said


def test_a_terminal_shows_them_in_its_table() -> None:
    stream = io.StringIO()
    Console(file=stream, width=120).print(table_of(outcome(KEPT, BROKEN)))
    assert "memory-bounded" in stream.getvalue()
    assert " 0 " not in stream.getvalue()


def test_programs_find_them_in_both_reports(tmp_path: Path) -> None:
    json_report.write(tmp_path / "report.json", [outcome(KEPT, BROKEN, BUSY)])
    report = json.loads((tmp_path / "report.json").read_text())
    claims = [
        {"name": "ready-throughout", "verdict": "pass", "evidence": "all of them"},
        {"name": "memory-bounded", "verdict": "fail", "evidence": "93.0 MiB", "to_do": "bound it"},
        {"name": "honest-unmoved", "verdict": "unknown", "evidence": "lagged", "busy": True},
    ]
    assert report["claims"] == report["tellings"][0]["claims"] == claims
    assert (report["exit"], report["tellings"][0]["exit"]) == (FAILED, FAILED)

    junit.write(tmp_path / "junit.xml", [outcome(KEPT, BROKEN)])
    cases = ElementTree.parse(tmp_path / "junit.xml").getroot().findall("testsuite/testcase")
    assert [(case.get("name"), case[0].tag) for case in cases] == [
        ("1 readiness-first", "system-out"),
        ("ready-throughout", "system-out"),
        ("memory-bounded", "failure"),
    ]


def test_the_list_shows_them_with_their_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    listed = capsys.readouterr().out
    assert "\n  and ready-throughout: Every readiness probe is answered within 1 s" in listed
