"""The tutorial's server drains with one line: what the harness failed in it, it passes."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.harness_runs import harness

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(300)]

CURED = ("--clients", "80", "--timeout", "2", "--level", "handover", "--target", "tests/scenarios/cured.toml")


def test_with_the_middleware_the_tutorials_server_fails_no_clause_of_a_drain(tmp_path: Path):
    run = harness(tmp_path, "run", "drain", *CURED)

    assert run.clauses("fail") == set(), run.output
    assert {3, 4, 5, 6, 8, 12, 13, 28} <= run.clauses("pass"), (
        run.output
    )  # without it the tutorial's server fails these
