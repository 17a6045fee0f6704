"""One cause is one finding: a failure that follows from another one says so, and counts with it."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.clauses import CLAUSES, Judgement, Ruling, Verdict, judge
from harness.clauses.causes import ENDS, LINKS, REPEATS, WAITS, causes_of
from harness.clauses.levels import CLAUSES_OF, level_of, standing_of
from harness.clauses.verdict import failed, passed, unknown
from harness.history.record import History
from harness.history.terms import Terms
from harness.report import json as json_report
from harness.report import junit
from harness.report.console import ConsoleReport
from harness.run import Outcome
from harness.scenarios import SCENARIOS
from harness.targets.declaration import Ask, Profile
from tests.harness.histories import Story, healthy, story

FAIL = Verdict.FAIL
SENT_1005 = "sent a close frame with code 1005"
CUT_OFF = "was ended without a close frame"
CUT = "was ended by eof without a close frame"


def found_in(told: Story) -> dict[int, int | None]:
    """The failures of a history, and from which clause each follows."""
    rulings = judge(told.history(), CLAUSES)
    return {ruling.id: ruling.follows_from for ruling in rulings if ruling.verdict is FAIL}


def links(failures: dict[int, Judgement], told: Story | None = None) -> dict[int, int]:
    return causes_of(failures, None if told is None else told.history().drain)


def test_that_nobody_was_notified_is_one_cause() -> None:
    assert found_in(healthy().without(what="notice")) == {4: 5, 5: None, 6: 5, 7: 5, 8: 5}


def test_a_process_that_had_to_be_killed_is_one_cause() -> None:
    hung = story(progress_interval_s=None, report=False, notify_interval_s=None).gives_up(20.0)
    for i in range(4):
        hung.client(f"lingerer-{i}").gets_notice(0.03)
    hung.client("stalled-reader-1", hostile=True).prints(0.1, "INFO: something")
    assert found_in(hung) == {13: 17, 14: 17, 17: None, 18: 17, 20: 17}


def test_of_a_killed_process_what_was_also_wrong_is_a_finding_of_its_own() -> None:
    hung = story().gives_up(20.0)
    assert links({13: failed("", "was never closed", "was closed with 1000"), 17: failed("")}, hung) == {}
    assert links({13: failed("", "was never closed"), 17: failed("")}, hung) == {13: 17}
    assert links({13: failed("", "was never closed")}, hung) == {}
    assert links({13: failed("", "was never closed"), 17: failed("")}, story().exits(4.0)) == {}


def test_that_a_server_died_of_the_signal_is_one_cause() -> None:
    died = story(drain_timeout_s=None, progress_interval_s=None, report=False, notify_interval_s=None)
    died.client("talker-1").says(-0.1, 0).is_answered(-0.02, 0).ends(0.01)
    for i in range(4):
        died.client(f"lingerer-{i}").ends(0.01, "reset")
    died.client("leaver-1").closes(0.003, 3000).ends(0.01).exits(0.02)
    found = found_in(died)
    assert {number: found[number] for number in (10, 13, 14)} == {10: 13, 13: None, 14: 13}
    assert 11 not in found


def test_of_a_killed_process_no_exit_status_can_be_told_and_that_follows_from_what_held_it() -> None:
    hung = story().gives_up(20.0)
    assert links({17: failed(""), 19: unknown("no exit"), 21: unknown("no exit")}, hung) == {19: 17, 21: 17}
    assert links({19: unknown("no exit")}, hung) == {}
    assert links({17: failed(""), 19: unknown("no exit")}, story().exits(4.0)) == {}


@pytest.mark.parametrize(
    ("failures", "follows"),
    [
        ({4: failed("", "got 403"), 3: failed("", "got 403", "hung")}, {4: 3}),
        ({4: failed("", "got 403", "got 101 and no notice"), 3: failed("", "got 403")}, {}),
        ({4: failed("", "got 101 and no notice"), 5: passed("")}, {}),
        ({6: failed("", "got 200"), 1: failed("")}, {6: 1}),
        ({29: failed("", "found more than before"), 3: failed("", "got 101")}, {29: 3}),
        ({29: failed("", "found more than before"), 3: failed("", "hung")}, {}),
        ({12: failed("", "with 1012"), 21: failed("", "with 1012")}, {12: 21}),
        ({12: failed("", "with 1012"), 21: failed("")}, {}),
        ({25: failed("", "with 1012"), 12: failed("", "with 1012"), 5: failed("", "got 2 notices")}, {25: 12}),
        ({13: failed("", "was closed without a code (1005)"), 35: failed("", SENT_1005)}, {13: 35}),
        ({13: failed("", "was closed with 999"), 35: failed("", "sent a close frame with code 999")}, {13: 35}),
        ({13: failed("", "was closed with 1000"), 35: failed("", SENT_1005)}, {}),
        ({13: failed("", "was never closed"), 35: failed("", SENT_1005)}, {}),
        ({13: failed("", "was closed without a code (1005)")}, {}),
        ({14: failed("", "saw a reset"), 13: failed("", "was ended by reset after its answer")}, {14: 13}),
        ({14: failed("", "saw a reset"), 13: failed("", "was closed with 1000")}, {}),
        ({22: failed("", CUT_OFF), 13: failed("", "was ended by eof without a close frame")}, {22: 13}),
        ({21: failed("", CUT_OFF), 13: failed("", "was closed with 1000")}, {}),
        ({28: failed("", "closed", "left"), 13: failed("", "was closed with 1001")}, {28: 13}),
        ({28: failed("no final report"), 13: failed("", "was closed with 1001")}, {}),
        ({10: failed("", "was cut off with a broadcast on its way"), 13: failed("", CUT)}, {10: 13}),
        ({10: failed("", "had not heard a broadcast"), 13: failed("", CUT)}, {}),
        ({21: failed("", CUT_OFF), 13: failed("", CUT), 19: failed("", "a status")}, {}),
    ],
)
def test_a_failure_follows_where_all_that_it_found_is_explained(
    failures: dict[int, Judgement], follows: dict[int, int]
) -> None:
    assert links(failures) == follows


def test_no_link_goes_in_a_circle() -> None:
    pairs = {(link.clause, link.cause) for link in LINKS} | {(13, 35)}
    pairs |= {(clause, cause) for clause, causes in REPEATS.items() for cause in causes}
    pairs |= {(clause, cause) for clause in WAITS for cause in ENDS}
    pairs |= {(clause, cause) for i, cause in enumerate(ENDS) for clause in ENDS[i + 1 :]}
    reached = {clause: {cause for one, cause in pairs if one == clause} for clause, _ in pairs}
    for _ in pairs:
        for causes in reached.values():
            causes.update(*(reached.get(cause, ()) for cause in tuple(causes)))
    assert [clause for clause, causes in reached.items() if clause in causes] == []


def test_what_fails_on_a_level_counts_there_but_for_what_follows_from_a_missing_notice() -> None:
    levels = list(CLAUSES_OF)
    pairs = {(link.clause, link.cause) for link in LINKS} | {(13, 35)}
    pairs |= {(clause, cause) for clause, causes in REPEATS.items() for cause in causes}
    higher = {pair for pair in pairs if levels.index(level_of(pair[0])) < levels.index(level_of(pair[1]))}
    assert higher == {(6, 5), (7, 5), (25, 5)}


def test_every_clause_says_what_to_do_on_one_short_line_and_a_pass_says_nothing() -> None:
    assert all(clause.to_do and len(clause.to_do) <= 110 for clause in CLAUSES.values())
    assert [ruling.to_do for ruling in judge(healthy().history(), (1, 13))] == ["", ""]


def told(**declared: object) -> Outcome:
    profile = Profile(command="serve {port}", **declared)
    rulings = [
        Ruling(5, "told-once", FAIL, "nobody", to_do="tell them"),
        Ruling(6, "order", FAIL, "closed", follows_from=5, to_do="first tell, then close"),
        Ruling(13, "says-goodbye", Verdict.PASS, "all"),
    ]
    history = History(Terms(profile, 1.0, None, 1.0, None))
    return Outcome(SCENARIOS["drain"], profile, Ask(seed=7), history, rulings, 0)


def test_the_report_for_people_counts_causes_and_says_what_to_do(capsys: pytest.CaptureFixture[str]) -> None:
    report, outcome = ConsoleReport(), told(level="handover")
    report.show(outcome)
    report.conclude(outcome.standing)
    said = capsys.readouterr().out.splitlines()
    assert " 5  told-once               fail      nobody" in said
    assert "                            to do     tell them" in [line.rstrip() for line in said]
    assert " 6  order                   fail      [follows from 5] closed" in said
    assert any(line.strip() == "to do     see clause 5" for line in said)
    assert "drain: 1 pass, 2 fail (5, 6; 1 cause: 5)" in said
    assert "2 clauses fail, of 1 cause: 5" in said


def test_a_failure_counts_with_its_cause() -> None:
    outcome = told(level="drain")
    assert outcome.standing.verdict is Verdict.PASS
    assert outcome.standing.remark(6) == "follows from 5, above drain"
    assert told(level="handover", known={5: "SHOP-1"}).standing.verdict is Verdict.PASS
    assert told(level="handover").standing.verdict is FAIL


def test_what_fails_by_itself_in_one_scenario_is_a_cause_whatever_it_follows_from_in_others() -> None:
    rulings = [*told().rulings, Ruling(6, "order", FAIL, "closed")]
    standing = standing_of(told().profile, rulings)
    assert (standing.causes, standing.follows) == ([5, 6], {})


def test_the_reports_for_programs_and_for_ci_have_cause_and_remedy(tmp_path: Path) -> None:
    outcome = told(level="handover")
    json_report.write(tmp_path / "report.json", [outcome])
    clauses = json.loads((tmp_path / "report.json").read_text())["clauses"]
    assert [(one["id"], one.get("follows_from"), one.get("to_do")) for one in clauses] == [
        (5, None, "tell them"),
        (6, 5, "first tell, then close"),
        (13, None, None),
    ]
    junit.write(tmp_path / "junit.xml", [outcome])
    failures = list(ElementTree.parse(tmp_path / "junit.xml").getroot().iter("failure"))
    assert [(each.get("message"), each.text) for each in failures] == [
        ("nobody", "nobody\nto do: tell them"),
        ("follows from 5: closed", "follows from 5: closed"),
    ]
