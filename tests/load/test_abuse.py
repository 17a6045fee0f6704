"""Ebb is unmoved by attackers of every kind, and servers that lack one bound are caught by the claim about it."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.scenarios import SCENARIOS
from tests.scenarios.harness_runs import harness
from tests.scenarios.test_specimens import BY_ABUSE, SPECIMENS, UVICORN

pytestmark = [pytest.mark.load, pytest.mark.timeout(300)]


@pytest.mark.attack
@pytest.mark.parametrize("target", ["uvicorn", "launcher", "workers"])
def test_the_reference_server_passes(target: str, tmp_path: Path):
    run = harness(tmp_path, "run", "abuse", "--target", target)

    assert run.claims("pass") == set(SCENARIOS["abuse"].claims), run.output
    assert run.clauses("pass") == set(SCENARIOS["abuse"].clauses), run.output
    assert run.status == 0


@pytest.mark.parametrize("name", BY_ABUSE)
def test_a_specimen_fails_at_least_what_is_written_beside_it(name: str, tmp_path: Path):
    """A server that stands still under attack may fail anything besides."""
    target = tmp_path / "target.toml"
    target.write_text(f'base = "uvicorn"\ncommand = "{UVICORN % (name, "app")}"\n')
    run = harness(tmp_path, "run", "abuse", "--tellings", "1", "--target", str(target))

    assert run.claims("fail") >= SPECIMENS[name]["CLAIMS"], run.output
    assert run.clauses("fail") >= set(SPECIMENS[name]["FAILS"]), run.output
    assert run.status == 1
