"""The tables of cases hold the judges to their claims, and the judges hold on any history."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.clauses import CLAUSES, Judgement, Verdict, judge
from harness.history.record import History
from tests.harness import (
    test_clauses_accounts,
    test_clauses_admission,
    test_clauses_closing,
    test_clauses_hostile,
    test_clauses_leaving,
    test_clauses_letter,
    test_clauses_notice,
    test_clauses_observability,
    test_clauses_progress,
    test_clauses_rolling,
    test_clauses_service,
    test_clauses_signals,
    test_clauses_streams,
    test_clauses_termination,
    test_clauses_workers,
)
from tests.harness.histories import TERMS, Case, Story, check, deserted, forced, healthy, story

pytestmark = pytest.mark.no_cover  # each case again, many times: what this covers is covered

CASES = (
    test_clauses_admission.CASES
    | test_clauses_notice.CASES
    | test_clauses_service.CASES
    | test_clauses_leaving.CASES
    | test_clauses_closing.CASES
    | test_clauses_hostile.CASES
    | test_clauses_termination.CASES
    | test_clauses_signals.CASES
    | test_clauses_progress.CASES
    | test_clauses_accounts.CASES
    | test_clauses_observability.CASES
    | test_clauses_workers.CASES
    | test_clauses_rolling.CASES
    | test_clauses_letter.CASES
)
CASES |= {number: [*CASES[number], *cases] for number, cases in test_clauses_streams.CASES.items()}


def is_caught(number: int, verdict: Verdict) -> bool:
    """Whether the table of a clause notices that its judge says the same to everything."""
    stuck = replace(CLAUSES[number], judge=lambda _: Judgement(verdict, ""))

    def fails(case: Case) -> bool:
        try:
            check(stuck, replace(case, story=story, phrase=""))
        except AssertionError:
            return True
        return False

    return any(fails(case) for case in CASES[number])


@pytest.mark.parametrize("number", CLAUSES)
@pytest.mark.parametrize("verdict", Verdict)
def test_a_judge_that_always_says_the_same_is_caught_by_its_table(number: int, verdict: Verdict) -> None:
    assert is_caught(number, verdict)


@pytest.mark.parametrize("number", CLAUSES)
def test_each_table_has_a_pass_a_failure_and_an_unknown(number: int) -> None:
    assert {case.verdict for case in CASES[number]} >= {Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN}


def test_a_healthy_drain_keeps_every_clause() -> None:
    evicted = {ruling.id: ruling.verdict for ruling in judge(healthy().history(), CLAUSES)}
    emptied = {ruling.id: ruling.verdict for ruling in judge(deserted().history(), CLAUSES)}
    others = dict.fromkeys(ANOTHER_STORY, Verdict.UNKNOWN) | dict.fromkeys(OF_SEVERAL_WORKERS, Verdict.EXCLUDED)
    assert evicted == dict.fromkeys(CLAUSES, Verdict.PASS) | others
    assert emptied[16] is Verdict.PASS
    assert Verdict.FAIL not in emptied.values()


def test_rulings_come_in_the_order_asked_for_with_the_clauses_names() -> None:
    rulings = judge(healthy().history(), (12, 1))
    assert [(ruling.id, ruling.name) for ruling in rulings] == [
        (12, "keeps-the-grace"),
        (1, "readiness-first"),
    ]


def test_a_target_that_was_never_told_to_stop_is_not_judged() -> None:
    assert {ruling.verdict for ruling in judge(History(TERMS), CLAUSES)} == {Verdict.UNKNOWN}


@pytest.mark.parametrize("end", [0.0, 0.02, 0.2, 1.2, 4.9, 5.02, 7.0, 8.132, 9.2, 9.35])
def test_a_healthy_drain_that_is_not_over_yet_is_accused_of_nothing_that_time_will_not_tell(
    end: float,
) -> None:
    verdicts = {ruling.id: ruling.verdict for ruling in judge(healthy().until(end).history(), CLAUSES)}
    failed = {number for number, verdict in verdicts.items() if verdict is Verdict.FAIL}
    assert failed <= {13}, "only who is still to be closed can be missed"


@pytest.mark.parametrize("seed", range(8))
def test_no_judge_stumbles_over_a_history_with_holes(seed: int) -> None:
    chance = random.Random(seed)
    told = healthy()
    told.events = [event for event in told.events if event[2] in KEPT or chance.random() < 0.7]
    for ruling in judge(told.history(), CLAUSES):
        assert ruling.evidence
        assert "\n" not in ruling.evidence


@pytest.mark.parametrize("told", [healthy, forced])
def test_no_verdict_but_four_depends_on_what_the_target_printed(told: Callable[[], Story]) -> None:
    loud = judge(told().history(), CLAUSES)
    silent = judge(told().without("target", "line").history(), CLAUSES)
    assert {ruling.id for ruling, other in zip(loud, silent, strict=True) if ruling != other} == MAY_LOOK_AT_THE_OUTPUT


@pytest.mark.parametrize("number", CLAUSES.keys() - {18, 27, 28, 30})
def test_a_judge_of_a_case_does_not_depend_on_what_the_target_printed(number: int) -> None:
    for case in CASES[number]:
        mute = case.story().without("target", "line")
        check(CLAUSES[number], replace(case, story=mute.itself))


def test_a_forced_drain_is_accused_of_nothing() -> None:
    verdicts = {ruling.id: ruling.verdict for ruling in judge(forced().history(), CLAUSES)}
    passes = {number for number, verdict in verdicts.items() if verdict is Verdict.PASS}
    assert Verdict.FAIL not in verdicts.values()
    assert passes == {5, 6, 9, 12, 13, 14, 17, 18, 19, 20, 23, 27, 28, 30, 35}


OF_SEVERAL_WORKERS = {32, 34}
ANOTHER_STORY = {16, *range(21, 27), 31, 33}
MAY_LOOK_AT_THE_OUTPUT = {18, 27, 28, 30}
KEPT = {"signal", "connecting"}
