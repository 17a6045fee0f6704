"""The reference server passes every scenario, clause by clause: under uvicorn's command line, under its own, and as two
workers side by side. Each scenario on the first of them always, on the others by turns.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.clauses import CLAUSES
from harness.scenarios import SCENARIOS
from harness.targets.known import TARGETS
from tests.scenarios.harness_runs import harness
from tests.scenarios.turns import each_scenario_once

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(300)]

IN_ALL = [name for name, scenario in SCENARIOS.items() if not scenario.by_name_only]
TOLD = [
    (target, name)
    for target, profile in TARGETS.items()
    for name in IN_ALL
    if SCENARIOS[name].why_excluded(profile) is None
]


@pytest.mark.parametrize(("target", "scenario"), each_scenario_once(TOLD))
def test_the_reference_server_passes(target: str, scenario: str, tmp_path: Path):
    run = harness(tmp_path, "run", scenario, "--clients", "100", "--timeout", "2", "--target", target)

    assert run.clauses("pass") == set(SCENARIOS[scenario].clauses), run.output
    assert run.status == 0


OF_SEVERAL_WORKERS = {32, 34}
WITHOUT_A_SIGNAL = {25}  # the parent replaces a worker that stops by itself, and the host goes on serving
NOT_ASKED_OF = {"uvicorn": OF_SEVERAL_WORKERS, "launcher": OF_SEVERAL_WORKERS, "workers": WITHOUT_A_SIGNAL}


@pytest.mark.parametrize("target", TARGETS)
def test_the_scenarios_together_judge_every_clause_but_the_one_about_ten_thousand_clients(target: str):
    judged = {clause for told_to, name in TOLD if told_to == target for clause in SCENARIOS[name].clauses}

    assert judged == set(CLAUSES) - {31} - NOT_ASKED_OF[target]
    assert 31 in SCENARIOS["ten_thousand"].clauses


def test_a_scenario_that_needs_what_the_target_lacks_is_excluded_and_the_target_not_started(
    tmp_path: Path,
):
    run = harness(tmp_path, "run", "reload", "--target", "launcher")

    assert run.clauses("excluded") == set(SCENARIOS["reload"].clauses)
    assert "the target declares no reload_options" in run.output
    assert run.status == 0
