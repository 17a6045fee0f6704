"""There are enough specimens, subtle ones and real servers among them for each clause, and the page shows them all."""

from __future__ import annotations

import inspect
from collections.abc import Sequence

import pytest

from docs.specimens import Row, rows
from harness.clauses import CLAUSES
from tests.specimens.recordings import RECORDED, Missed, Subtle

ROWS = list(rows())
LEAST, LEAST_OF_A_CLAUSE = 105, 3


def of(clause: int, among: Sequence[Row] = ROWS) -> list[Row]:
    return [row for row in among if clause in row.fails]


def test_there_are_three_specimens_a_clause_at_least():
    assert len(ROWS) >= LEAST
    assert [clause for clause in CLAUSES if len(of(clause)) < LEAST_OF_A_CLAUSE] == []


def test_each_clause_has_failed_a_real_server_and_a_subtle_fault():
    assert [clause for clause in CLAUSES if not of(clause, [row for row in ROWS if row.real])] == []
    assert [clause for clause in CLAUSES if not of(clause, [row for row in ROWS if row.subtle])] == []


def test_a_judge_that_always_says_pass_is_noticed_by_a_recording_that_its_clause_fails():
    assert set().union(*(one.fails for one in RECORDED.values())) == set(CLAUSES)


@pytest.mark.parametrize("real", [True, False])
def test_there_are_servers_and_recordings_with_each_kind_of_subtle_fault(real: bool):
    assert {row.subtle for row in ROWS if row.real is real} == {*Subtle, ""}


def test_what_was_missed_before_says_how():
    assert {row.missed_before for row in ROWS} == {*Missed, ""}


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_specimen_is_one_small_fault(name: str):
    assert len(inspect.getsource(RECORDED[name].fault).splitlines()) <= 15
    assert RECORDED[name].claim
