"""The tables of cases hold the judges to their claims, and the judges hold on any history."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from harness.clauses import CLAUSES, Judgement, Verdict, judge
from harness.history import History
from tests.harness import (
    test_clauses_admission,
    test_clauses_closing,
    test_clauses_leaving,
    test_clauses_notice,
    test_clauses_service,
    test_clauses_termination,
)
from tests.harness.histories import TERMS, Case, check, deserted, healthy, story

CASES = (
    test_clauses_admission.CASES
    | test_clauses_notice.CASES
    | test_clauses_service.CASES
    | test_clauses_leaving.CASES
    | test_clauses_closing.CASES
    | test_clauses_termination.CASES
)


def is_caught(number: int, verdict: Verdict) -> bool:
    """Whether the table of a clause notices that its judge says the same to everything."""
    stuck = replace(CLAUSES[number], judge=lambda _: Judgement(verdict, ""))

    def fails(case: Case) -> bool:
        try:
            check(stuck, replace(case, told=story, phrase=""))
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
    forced = {ruling.id: ruling.verdict for ruling in judge(healthy().history(), CLAUSES)}
    emptied = {ruling.id: ruling.verdict for ruling in judge(deserted().history(), CLAUSES)}
    assert forced == dict.fromkeys(CLAUSES, Verdict.PASS) | {16: Verdict.UNKNOWN}
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
    told.told_of = [event for event in told.told_of if event[2] in KEPT or chance.random() < 0.7]
    for ruling in judge(told.history(), CLAUSES):
        assert ruling.evidence
        assert "\n" not in ruling.evidence


KEPT = {"signal", "connecting"}
