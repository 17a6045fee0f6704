"""The same line on one framework after the other: without it clients are lost, with it every clause is kept.

The applications are those of docs/cure.md; all but Starlette's need the extra `board`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from docs.cured import CALM, CLIENTS, FRAMEWORKS, TIMEOUT_S, target
from harness.scenarios.drain import SCENARIO
from tests.scenarios.harness_runs import Run, harness

pytestmark = pytest.mark.timeout(300)

ALWAYS_INSTALLED = ("Starlette",)
INSTALLED = [pytest.mark.scenario, pytest.mark.turns]
WITHOUT_A_GAUGE = {29}
NAMES = [pytest.param(name, marks=INSTALLED if name in ALWAYS_INSTALLED else pytest.mark.board) for name in FRAMEWORKS]

Drained = Callable[..., Run]


@pytest.fixture
def drained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Drained:
    def drain(name: str, cured: bool, scenario: str = "drain") -> Run:
        monkeypatch.delenv("PYTEST_CURRENT_TEST")  # NiceGUI does not serve where it finds this variable
        options = ("--clients", str(CLIENTS), "--timeout", str(TIMEOUT_S), *CALM)
        return harness(tmp_path, "run", scenario, *options, "--target", str(target(name, cured, tmp_path)))

    return drain


@pytest.mark.parametrize("name", NAMES)
def test_without_the_line_nobody_is_told_and_nobody_is_said_goodbye_to(name: str, drained: Drained):
    run = drained(name, cured=False)

    assert {5, 13} <= run.clauses("fail"), run.output


@pytest.mark.parametrize("name", NAMES)
def test_with_the_line_every_clause_of_a_drain_passes_that_can_be_decided(name: str, drained: Drained):
    run = drained(name, cured=True)

    undecided = {int(number) for number in FRAMEWORKS[name].get("undecided", {})}
    assert run.clauses("fail") == set(), run.output
    assert run.clauses("pass") | run.busy == set(SCENARIO.clauses) - WITHOUT_A_GAUGE - undecided, run.output


@pytest.mark.parametrize("name", NAMES)
def test_with_the_line_no_kind_of_hostile_client_costs_the_others_anything(name: str, drained: Drained):
    run = drained(name, cured=True, scenario="hostile")

    assert run.clauses("fail") == set(), run.output
    assert {7, 13, 14, 17, 28, 30} <= run.clauses("pass") | run.busy, run.output
