"""On a busy machine nobody is accused who is not slow of its own accord, and who is, is accused all the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.scenarios import SCENARIOS
from tests.scenarios.busy import busy_loops
from tests.scenarios.harness_runs import TELLINGS, harness

pytestmark = [pytest.mark.busy, pytest.mark.timeout(300)]

LOOPS = 6
SMALL = ("drain", "--clients", "80", "--timeout", "2")


SLOW = ["tests.specimens.turns_readiness_late", "tests.targets.burns_both_cores"]


@pytest.mark.parametrize("module", SLOW)
def test_a_server_that_is_slow_by_itself_is_failed_on_a_busy_machine_too(module: str, tmp_path: Path):
    command = f"{{python}} -m uvicorn {module}:app --host 127.0.0.1 --port {{port}}"
    with busy_loops(LOOPS):
        run = harness(tmp_path, *SMALL, "--reference", "--", *command.split())

    assert 1 in run.clauses("fail"), run.output
    assert run.status == 1


@pytest.mark.parametrize(("target", "scenario"), [("uvicorn", "drain"), ("workers", "hostile")])
def test_the_reference_server_is_accused_of_nothing_on_a_busy_machine(target: str, scenario: str, tmp_path: Path):
    with busy_loops(LOOPS):
        run = harness(tmp_path, "run", scenario, *SMALL[1:], "--target", target)

    assert run.clauses("fail") == set(), run.output
    assert run.clauses("pass") == set(SCENARIOS[scenario].clauses), run.output
    assert 1 <= len(run.report["tellings"]) <= TELLINGS


def test_tellings_and_what_was_recorded_are_in_the_report(tmp_path: Path):
    run = harness(tmp_path, "run", "nobody_there", "--timeout", "1", "--starvation", "none", "--tellings", "1")

    (telling,) = run.report["tellings"]
    assert telling["clauses"] == run.report["clauses"]
    assert (telling["seed"], telling["exit"], telling["status"]) == (run.report["seed"], 0, run.report["status"])
    assert run.report["starvation"] == "none"
