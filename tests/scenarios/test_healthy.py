"""The reference server passes every scenario, clause by clause."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.scenarios import SCENARIOS
from tests.scenarios.harness_runs import harness

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(120)]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_reference_server_passes(scenario: str, tmp_path: Path):
    run = harness(tmp_path, "run", scenario, "--clients", "100", "--timeout", "2")

    assert run.clauses("pass") == set(SCENARIOS[scenario].clauses), run.output
    assert run.status == 0
