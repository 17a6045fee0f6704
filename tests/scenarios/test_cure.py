"""The tutorial's server drains with one line, however it is told to stop; under gunicorn, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.scenarios import SCENARIOS
from harness.targets.file import load
from tests.scenarios.harness_runs import harness
from tests.scenarios.turns import each_scenario_once

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(300)]

FOLDER = Path(__file__).parent


def told(target: str) -> set[str]:
    """The scenarios that this target can be told."""
    profile = load(FOLDER / f"{target}.toml")
    return {name for name, each in SCENARIOS.items() if not each.by_name_only and each.why_excluded(profile) is None}


# Told on uvicorn alone, for the time that it takes: they pass under gunicorn's master as well.
ONCE = {"nobody_there", "hostile", "ctrl_c_twice", "forced_while_evicting"}
TOLD = [("cured", name) for name in sorted(told("cured"))]
TOLD += [("cured-gunicorn", name) for name in sorted(told("cured-gunicorn") - ONCE)]
NO_GAUGE = {29}  # the tutorial shows no metrics, and the middleware adds none


@pytest.mark.parametrize(("target", "scenario"), each_scenario_once(TOLD))
def test_with_the_middleware_the_tutorials_server_passes(target: str, scenario: str, tmp_path: Path):
    file = FOLDER / f"{target}.toml"
    run = harness(
        tmp_path, "run", scenario, "--clients", "80", "--timeout", "2", "--level", "handover", "--target", str(file)
    )

    assert run.clauses("pass") == set(SCENARIOS[scenario].clauses) - NO_GAUGE, run.output
    assert run.clauses("excluded") <= NO_GAUGE


def test_gunicorn_ends_with_no_request_limit_and_no_reload_and_uvicorns_worker_takes_no_ping_interval():
    assert told("cured") - told("cured-gunicorn") == {"request_limit", "reload", "dead_peers"}
