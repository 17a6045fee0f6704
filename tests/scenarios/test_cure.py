"""The tutorial's server drains with one line, however it is told to stop; under gunicorn, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.scenarios import SCENARIOS
from harness.targets.file import load
from tests.scenarios.harness_runs import harness

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(300)]

FOLDER = Path(__file__).parent
STOPS = (
    "drain",
    "everyone_leaves",
    "hundred_sigterms",
    "ctrl_c",
    "operator_forces",
    "frozen_across_the_deadline",
    "stopped_in_startup",
    "stopped_in_a_hanging_startup",
    "request_limit",
    "reload",
)
TOLD = [
    (target, name)
    for target in ("cured", "cured-gunicorn")
    for name in STOPS
    if SCENARIOS[name].why_excluded(load(FOLDER / f"{target}.toml")) is None
]
NO_GAUGE = {29}  # the tutorial shows no metrics, and the middleware adds none


@pytest.mark.parametrize(("target", "scenario"), TOLD)
def test_with_the_middleware_the_tutorials_server_passes(target: str, scenario: str, tmp_path: Path):
    file = FOLDER / f"{target}.toml"
    run = harness(
        tmp_path, "run", scenario, "--clients", "80", "--timeout", "2", "--level", "handover", "--target", str(file)
    )

    assert run.clauses("pass") == set(SCENARIOS[scenario].clauses) - NO_GAUGE, run.output
    assert run.clauses("excluded") <= NO_GAUGE


def test_under_gunicorn_it_is_told_of_every_stop_but_those_that_do_not_end_its_master():
    assert set(STOPS) - {name for target, name in TOLD if target == "cured-gunicorn"} == {"request_limit", "reload"}
