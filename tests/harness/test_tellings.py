"""A scenario is run again while a busy machine leaves something unknown: any failure wins, else the first pass."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness import cli
from harness import run as run_module
from harness.clauses import Ruling, Verdict
from harness.cli import main
from harness.history.record import History
from harness.history.terms import Terms
from harness.options import ask_of, parse
from harness.report import json as json_report
from harness.report.console import ConsoleReport
from harness.run import FAILED, PASSED, UNDECIDED, Outcome, Telling, merged, run
from harness.scenarios import SCENARIOS, AnyStage, Scenario
from harness.targets.declaration import REFERENCE, Ask

PASS, FAIL, UNKNOWN, EXCLUDED = Verdict
DRAIN = replace(SCENARIOS["drain"], clauses=(1, 12))


def ruling(verdict: Verdict, busy: bool = False, clause: int = 1) -> Ruling:
    return Ruling(clause, "readiness-first", verdict, f"{verdict} {'busy' if busy else ''}", busy)


BUSY = ruling(UNKNOWN, busy=True)


def telling(*rulings: Ruling, claims: Sequence[Ruling] = ()) -> Telling:
    return Telling(History(Terms(REFERENCE, 1.0, None, 1.0, None)), list(rulings), 0, list(claims))


@pytest.mark.parametrize(
    ("tellings", "verdict"),
    [
        ([BUSY, ruling(PASS)], PASS),
        ([BUSY, ruling(FAIL)], FAIL),
        ([ruling(PASS), ruling(FAIL)], FAIL),
        ([ruling(PASS), BUSY], PASS),
        ([BUSY, ruling(UNKNOWN)], UNKNOWN),
        ([ruling(EXCLUDED), ruling(EXCLUDED)], EXCLUDED),
    ],
)
def test_of_several_tellings_any_failure_wins_else_the_first_pass(tellings: list[Ruling], verdict: Verdict) -> None:
    (together,) = merged([telling(each) for each in tellings])
    assert together.verdict is verdict


def test_of_several_that_say_the_same_the_first_speaks() -> None:
    first, second = replace(ruling(PASS), evidence="one"), replace(ruling(PASS), evidence="two")
    assert merged([telling(BUSY), telling(first), telling(second)]) == [first]


async def told(
    monkeypatch: pytest.MonkeyPatch, tellings: Sequence[Telling], at_most: int
) -> tuple[Outcome, list[tuple[int, list[int]]], list[int]]:
    """What comes of a scenario whose tellings would be these; who was told about a further one; and the seeds."""
    waiting, words, seeds = list(tellings), list[tuple[int, list[int]]](), list[int]()

    async def tell(scenario: object, profile: object, ask: Ask, watch: object) -> Telling:
        seeds.append(ask.seed)
        return waiting.pop(0)

    async def nobody_watches(_: AnyStage) -> None:
        raise AssertionError("nothing was to be started")

    def again(number: int, rulings: Sequence[Ruling]) -> None:
        words.append((number, [each.id for each in rulings]))

    monkeypatch.setattr(run_module, "_run_once", tell)
    return await run(DRAIN, REFERENCE, Ask(seed=7), nobody_watches, at_most, again), words, seeds


async def test_it_is_told_again_until_nothing_is_unknown_for_the_machines_sake(monkeypatch: pytest.MonkeyPatch) -> None:
    tellings = [telling(BUSY, ruling(FAIL, clause=12)), telling(ruling(PASS), ruling(PASS, clause=12)), telling()]
    outcome, words, seeds = await told(monkeypatch, tellings, at_most=3)
    assert [each.verdict for each in outcome.rulings] == [PASS, FAIL]
    assert words == [(2, [1])]
    assert seeds == [7, 7]
    assert outcome.exit_code == FAILED
    assert outcome.tellings == tellings[:2]


async def test_it_is_told_so_often_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, words, _ = await told(monkeypatch, [telling(BUSY) for _ in range(4)], at_most=3)
    assert words == [(2, [1]), (3, [1])]
    assert outcome.exit_code == UNDECIDED


async def test_a_second_want_of_the_same_observations_is_not_told_a_third_time(monkeypatch: pytest.MonkeyPatch) -> None:
    wanting = Ruling(1, "readiness-first", UNKNOWN, "only 2 probes", busy=True, short=True)
    outcome, words, _ = await told(monkeypatch, [telling(wanting) for _ in range(4)], at_most=3)
    assert words == [(2, [1])]
    assert len(outcome.tellings) == 2


async def test_what_is_unknown_for_another_reason_is_not_told_again(monkeypatch: pytest.MonkeyPatch) -> None:
    outcome, words, _ = await told(monkeypatch, [telling(ruling(UNKNOWN))], at_most=3)
    assert words == []
    assert outcome.exit_code == UNDECIDED


def shown(outcome: Outcome) -> str:
    stream = io.StringIO()
    report = ConsoleReport(stream)
    report.run_again(3, 2, [BUSY, replace(BUSY, id=7)])
    report.show(outcome)
    report.show(outcome)
    return stream.getvalue()


def outcome_of(*events: tuple[str, dict[str, Any]]) -> Outcome:
    history = History(Terms(REFERENCE, 1.0, None, 1.0, None))
    for what, detail in events:
        history.record(1.0, "harness", what, **detail)
    one = Telling(history, [ruling(PASS)], 0)
    return Outcome(DRAIN, REFERENCE, Ask(seed=7), history, one.rulings, 0, [telling(BUSY), one])


def test_the_console_says_why_a_scenario_is_told_again_and_once_what_cannot_be_seen() -> None:
    said = shown(outcome_of(("blind", {"reason": "no schedstat"})))
    assert "run again (2 of 3): clauses 1, 7 were unknown because the machine was busy\n" in said
    assert said.count("harness: no schedstat: a target that waits for a core is not excused\n") == 1


def test_the_console_is_silent_about_what_it_watches() -> None:
    assert "harness:" not in shown(outcome_of(("watches starvation", {})))


def test_all_tellings_are_in_the_report_for_programs(tmp_path: Path) -> None:
    json_report.write(tmp_path / "report.json", [outcome_of(("blind", {"reason": "no schedstat"}))])
    report = json.loads((tmp_path / "report.json").read_text())
    assert [[clause["verdict"] for clause in each["clauses"]] for each in report["tellings"]] == [["unknown"], ["pass"]]
    assert [(each["seed"], each["exit"], each["status"]) for each in report["tellings"]] == [
        (7, UNDECIDED, 0),
        (7, PASSED, 0),
    ]
    assert [clause.get("busy") for each in report["tellings"] for clause in each["clauses"]] == [True, None]
    assert report["exit"] == PASSED
    assert report["starvation"] == "no schedstat"


def test_how_often_it_is_told_and_whether_the_wait_is_watched_are_options() -> None:
    args = parse(["drain"])
    assert (args.tellings, ask_of(args).starvation) == (3, True)
    args = parse(["run", "hostile", "--tellings", "1", "--starvation", "none"])
    assert (args.tellings, ask_of(args).starvation) == (1, False)


def test_no_telling_at_all_is_bad_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["drain", "--tellings", "0"])
    assert "'0' is not a number of tellings, 1 or more" in capsys.readouterr().err


@pytest.mark.parametrize(("calm_stop", "told"), [(BUSY, ["nobody_there"]), (ruling(PASS), []), (ruling(FAIL), [])])
async def test_a_calm_stop_that_a_busy_machine_left_unknown_is_told_as_a_scenario(
    monkeypatch: pytest.MonkeyPatch, calm_stop: Ruling, told: list[str]
) -> None:
    performed = []

    async def look_first(*_: object) -> Outcome:
        return outcome_of(calm_stop)

    async def perform(scenario: Scenario, *_: object) -> Outcome:
        performed.append(scenario.name)
        return outcome_of(ruling(PASS))

    def outcome_of(one: Ruling) -> Outcome:
        return Outcome(SCENARIOS["nobody_there"], REFERENCE, Ask(), telling(one).history, [one], 0)

    monkeypatch.setattr(cli, "look_first", look_first)
    monkeypatch.setattr(cli, "run", perform)
    monkeypatch.setattr(cli, "scenarios_for", lambda *_: [])
    monkeypatch.setattr(cli, "end_on_sigterm", lambda: None)

    await cli.run_all(parse(["judge", "--", "serve", "{port}"]), ConsoleReport(io.StringIO()))

    assert performed == told
