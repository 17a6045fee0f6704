"""The tutorial's server, unchanged, drains under our own launcher with no line at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.harness_runs import harness

pytestmark = [pytest.mark.scenario, pytest.mark.turns, pytest.mark.timeout(300)]


def test_the_tutorials_server_under_the_launcher_fails_no_clause_of_a_drain(tmp_path: Path):
    options = ("--clients", "60", "--timeout", "2", "--level", "handover")
    run = harness(tmp_path, "run", "drain", *options, "--target", "tests/scenarios/cured-launcher.toml")

    assert run.clauses("fail") == set(), run.output
    assert {3, 4, 5, 6, 8, 12, 13, 19, 28} <= run.clauses("pass"), run.output
