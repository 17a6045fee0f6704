"""Levels: what the exit status is about, how far a target gets, and which failures were to be expected."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.clauses import CLAUSES, Ruling, Verdict
from harness.clauses.levels import CLAUSES_OF, level_of, standing_of, up_to
from harness.history.record import History
from harness.history.terms import Terms
from harness.report import json as json_report
from harness.report import junit
from harness.report.console import ConsoleReport
from harness.run import EXIT_CODES, FAILED, PASSED, UNDECIDED, Outcome
from harness.scenarios import SCENARIOS
from harness.targets.declaration import REFERENCE, Ask, Profile

PASS, FAIL, UNKNOWN, EXCLUDED = Verdict
CONTRACT = Path(__file__).parent.parent.parent / "docs" / "contract.md"
ALL_WELL = dict.fromkeys(CLAUSES_OF["clean"], PASS)


def target(**declared: object) -> Profile:
    return Profile(command="serve {port}", **declared)


def rulings(verdicts: dict[int, Verdict]) -> list[Ruling]:
    return [Ruling(number, f"clause-{number}", verdict, f"seen of {number}") for number, verdict in verdicts.items()]


def exit_code(verdicts: dict[int, Verdict], **declared: object) -> int:
    return EXIT_CODES[standing_of(target(**declared), rulings(verdicts)).verdict]


def outcome(verdicts: dict[int, Verdict], scenario: str = "drain", **declared: object) -> Outcome:
    profile = target(**declared)
    return Outcome(
        SCENARIOS[scenario], profile, Ask(seed=7), History(Terms(profile, 1.0, None, 1.0, None)), rulings(verdicts), 0
    )


def test_the_levels_are_those_of_the_contract_and_every_clause_belongs_to_one() -> None:
    rows = re.findall(r"^\| `(\w+)` \|.*\| ([\d ]+) \|$", CONTRACT.read_text(), re.MULTILINE)
    assert {level: frozenset(map(int, numbers.split())) for level, numbers in rows} == CLAUSES_OF
    assert all(clause.level == level_of(number) for number, clause in CLAUSES.items())
    assert sum(map(len, CLAUSES_OF.values())) == len(up_to("handover"))


def test_a_clause_without_a_level_is_refused() -> None:
    with pytest.raises(ValueError, match="clause 99 belongs to no level"):
        level_of(99)


def test_a_foreign_target_is_held_to_the_first_level_and_the_reference_server_to_the_last() -> None:
    assert (target().level, REFERENCE.level) == ("clean", "handover")
    assert up_to("clean") == CLAUSES_OF["clean"]
    assert up_to("drain") == CLAUSES_OF["clean"] | CLAUSES_OF["drain"]


@pytest.mark.parametrize(
    ("verdicts", "declared", "status"),
    [
        ({}, {}, PASSED),
        ({13: FAIL}, {}, FAILED),
        ({13: UNKNOWN}, {}, UNDECIDED),
        ({13: UNKNOWN, 14: FAIL}, {}, FAILED),
        ({13: EXCLUDED}, {}, PASSED),
        ({1: FAIL, 5: UNKNOWN}, {}, PASSED),
        ({1: FAIL, 5: UNKNOWN}, {"level": "drain"}, FAILED),
        ({1: PASS, 5: UNKNOWN}, {"level": "drain"}, PASSED),
        ({1: PASS, 5: UNKNOWN}, {"level": "handover"}, UNDECIDED),
        ({13: FAIL}, {"known": {13: "SHOP-1"}}, PASSED),
        ({13: UNKNOWN}, {"known": {13: "SHOP-1"}}, PASSED),
        ({13: EXCLUDED}, {"known": {13: "SHOP-1"}}, PASSED),
        ({13: PASS}, {"known": {13: "SHOP-1"}}, FAILED),
        ({13: PASS}, {"known": {13: {"reason": "SHOP-1", "flaky": True}}}, PASSED),
        ({1: PASS}, {"known": {1: "SHOP-1"}}, PASSED),
        ({1: PASS}, {"known": {1: "SHOP-1"}, "level": "drain"}, FAILED),
    ],
)
def test_the_exit_status_is_about_the_asked_level_and_not_about_what_is_known(
    verdicts: dict[int, Verdict], declared: dict[str, object], status: int
) -> None:
    assert exit_code(ALL_WELL | verdicts, **declared) == status


def test_where_nothing_of_the_asked_level_was_looked_at_there_is_no_verdict() -> None:
    assert exit_code({1: PASS, 5: PASS}) == UNDECIDED
    assert exit_code({13: FAIL}, known={13: "SHOP-1"}) == PASSED


def test_an_entry_for_a_clause_that_was_not_looked_at_is_no_error() -> None:
    assert exit_code({14: PASS}, known={13: "SHOP-1"}) == PASSED


def test_over_all_scenarios_a_clause_fails_before_it_is_unknown_before_it_passes_before_it_is_excluded() -> None:
    together = rulings({13: EXCLUDED, 16: PASS, 17: UNKNOWN, 20: PASS}) + rulings({13: PASS, 16: UNKNOWN, 17: FAIL})
    standing = standing_of(target(known={20: "now and then"}), together)
    assert standing.verdicts == {13: PASS, 16: UNKNOWN, 17: FAIL, 20: PASS}


def test_what_is_known_passes_only_where_no_scenario_shows_the_failure() -> None:
    seen = rulings({13: PASS}) + rulings({13: FAIL})
    assert standing_of(target(known={13: "only with hostile clients"}), seen).outdated == []


def test_how_far_a_target_gets_is_said_level_by_level() -> None:
    clean = {10: PASS, 11: PASS, 13: FAIL, 14: UNKNOWN, 16: PASS, 17: EXCLUDED, 18: PASS, 19: PASS, 20: PASS, 30: PASS}
    assert standing_of(target(), rulings(clean | {1: FAIL, 2: PASS})).reach == (
        "clean 8 of 14, 1 fail, 1 unknown, 4 not looked at; drain 1 of 13, 1 fail, 11 not looked at;"
        " handover 0 of 8, 8 not looked at"
    )


def test_a_clause_that_does_not_count_says_why() -> None:
    standing = standing_of(target(known={13: "SHOP-1"}), [])
    assert [standing.remark(number) for number in (1, 13, 14)] == ["above clean", "known: SHOP-1", ""]


def test_the_report_for_people_marks_what_does_not_count_and_ends_with_the_reach(
    capsys: pytest.CaptureFixture[str],
) -> None:
    seen = outcome({1: FAIL, 13: FAIL, 14: PASS, 16: UNKNOWN}, known={13: "SHOP-1", 14: "SHOP-2"})
    report = ConsoleReport()
    report.show(seen)
    report.conclude(seen.standing)
    told = capsys.readouterr().out.splitlines()
    assert " 1  clause-1                fail      [above clean] seen of 1" in told
    assert "13  clause-13               fail      [known: SHOP-1] seen of 13" in told
    assert told[-3:] == [
        "drain: 1 unknown (16); known: 1 pass, 1 fail (13); above clean: 1 fail (1)",
        "harness: known 14 (SHOP-2): the clause passes; take the entry out, or say --flaky (flaky = true)",
        "clean 1 of 14, 1 fail, 1 unknown, 11 not looked at; drain 0 of 13, 1 fail, 12 not looked at;"
        " handover 0 of 8, 8 not looked at",
    ]


def test_of_several_scenarios_the_report_ends_with_what_decides(capsys: pytest.CaptureFixture[str]) -> None:
    known = {13: "SHOP-1"}
    first, second = (
        outcome({1: FAIL, 13: FAIL, 16: UNKNOWN}, known=known),
        outcome({16: PASS, 30: FAIL}, "hostile", known=known),
    )
    standing = standing_of(first.profile, [*first.rulings, *second.rulings])
    ConsoleReport().conclude(standing, [first, second])
    assert said_to_decide(capsys) == ["decides the exit status: 30 clause-30 in hostile, fail: seen of 30"]
    ConsoleReport().conclude(second.standing, [second])
    assert said_to_decide(capsys) == [], "its table is right above"

    calm = outcome({14: PASS, 16: UNKNOWN}, "hostile")
    standing = standing_of(first.profile, [*first.rulings, *calm.rulings])
    ConsoleReport().conclude(standing, [first, calm])
    assert said_to_decide(capsys) == [
        "decides the exit status: 16 clause-16 in drain, unknown: seen of 16",
        "decides the exit status: 16 clause-16 in hostile, unknown: seen of 16",
    ]

    ConsoleReport().conclude(standing_of(calm.profile, rulings({14: PASS})), [outcome({14: PASS}), outcome({14: PASS})])
    assert said_to_decide(capsys) == []


def said_to_decide(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return [line for line in capsys.readouterr().out.splitlines() if "decides" in line]


def test_the_report_for_programs_has_the_level_of_each_clause_and_what_is_known(tmp_path: Path) -> None:
    json_report.write(tmp_path / "report.json", [outcome({1: FAIL, 13: FAIL, 14: PASS}, known={13: "SHOP-1"})])
    report = json.loads((tmp_path / "report.json").read_text())
    assert (report["level"], report["exit"]) == ("clean", PASSED)
    assert [(one["id"], one["level"], one["counted"], one.get("known")) for one in report["clauses"]] == [
        (1, "drain", False, None),
        (13, "clean", False, "SHOP-1"),
        (14, "clean", True, None),
    ]


def test_the_report_for_ci_skips_what_does_not_count_and_fails_what_is_known_and_passes(tmp_path: Path) -> None:
    seen = [outcome({1: FAIL, 13: FAIL, 14: PASS}, known={13: "SHOP-1", 14: "SHOP-2"}), outcome({14: PASS}, "hostile")]
    junit.write(tmp_path / "junit.xml", seen)
    root = ElementTree.parse(tmp_path / "junit.xml").getroot()
    skipped = [each.get("message") for each in root.iter("skipped")]
    assert skipped == ["above clean: fail: seen of 1", "known: SHOP-1: fail: seen of 13"]
    (failure,) = root.iter("failure")
    assert failure.get("message") == "it passes, and is known to fail: SHOP-2"
    assert [root.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["5", "1", "0", "2"]
    assert [suite.get("name") for suite in root.findall("testsuite")] == ["drain", "hostile", "known"]


def test_the_report_says_how_probable_it_was_to_see_a_rare_fault(capsys: pytest.CaptureFixture[str]) -> None:
    seen = [
        Ruling(number, "", verdict, "", clients=count) for number, verdict, count in ((35, PASS, 230), (13, PASS, 50))
    ]
    seen += [Ruling(13, "", PASS, "", clients=19), Ruling(5, "", FAIL, ""), Ruling(5, "", PASS, "", clients=100)]
    standing = standing_of(target(), seen)
    assert standing.chances == {13: pytest.approx(0.5, abs=0.01), 35: pytest.approx(0.9, abs=0.01)}
    ConsoleReport().conclude(standing)
    said = capsys.readouterr().out
    assert (
        "a fault that hits 1 % of clients by chance would have been seen: 50 % by clause 13, 90 % by clause 35\n"
        in said
    )


def test_a_want_of_observations_in_one_scenario_is_made_good_by_another_and_no_other_unknown_is() -> None:
    wanting = Ruling(11, "leave-in-peace", UNKNOWN, "only 4 closes", short=True)
    unsure = Ruling(11, "leave-in-peace", UNKNOWN, "the target had been stopped")
    enough, absent = (Ruling(11, "leave-in-peace", verdict, "") for verdict in (PASS, EXCLUDED))
    of = {first.evidence: standing_of(target(), [first, enough]).verdicts[11] for first in (wanting, unsure)}
    assert of == {"only 4 closes": PASS, "the target had been stopped": UNKNOWN}
    assert standing_of(target(), [absent, wanting]).verdicts[11] is UNKNOWN


def test_what_one_scenario_could_not_tell_for_want_of_an_exit_another_may() -> None:
    held = Ruling(17, "bounded", FAIL, "no exit")
    no_exit = Ruling(19, "exit-status", UNKNOWN, "no exit", follows_from=17)
    exited = Ruling(19, "exit-status", PASS, "exit 0")
    known = target(known={17: "it waits"})
    alone, made_good = standing_of(known, [held, no_exit]), standing_of(known, [held, no_exit, exited])
    assert (alone.verdict, alone.remark(19)) == (PASS, "follows from 17, known: it waits")
    assert (made_good.verdict, made_good.verdicts[19], made_good.remark(19)) == (PASS, PASS, "")
    assert standing_of(target(), [held, no_exit]).verdict is FAIL
