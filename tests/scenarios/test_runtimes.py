"""A mixed drain under every other way to run the reference server; and the warning where it cannot drain."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from harness.history.record import History
from harness.scenarios import SCENARIOS
from harness.targets.file import load
from harness.targets.target import Target
from tests.harness.servers import empty_history, until
from tests.scenarios.harness_runs import Run, harness

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(120)]

TARGETS = Path(__file__).parent.parent / "targets"
DRAINS = [
    "asyncio-websockets-sansio",
    "asyncio-wsproto",
    "uvloop-websockets-sansio",
    "uvloop-wsproto",
    "gunicorn",
]
OF_ONE_PROCESS = {18, 27, 28, 29}  # clauses about what one process prints and counts


def on(target: str, scenario: str, folder: Path) -> Run:
    file = TARGETS / f"{target}.toml"
    return harness(folder, "run", scenario, "--clients", "100", "--timeout", "2", "--target", str(file))


@pytest.mark.parametrize("target", DRAINS)
def test_a_mixed_drain_passes(target: str, tmp_path: Path):
    run = on(target, "drain", tmp_path)

    assert run.clauses("pass") == set(SCENARIOS["drain"].clauses), run.output


@pytest.mark.parametrize("scenario", ["drain", "ctrl_c"])
def test_two_workers_drain_each_for_itself(scenario: str, tmp_path: Path):
    run = on("workers", scenario, tmp_path)

    assert run.clauses("excluded") == OF_ONE_PROCESS
    assert run.clauses("pass") == set(SCENARIOS[scenario].clauses) - OF_ONE_PROCESS, run.output


@pytest.mark.parametrize("target", ["hypercorn", "granian"])
async def test_a_server_that_cannot_be_held_says_so_in_one_line(target: str):
    history = empty_history()
    async with Target(load(TARGETS / f"{target}.toml"), history) as server:
        await until(lambda: said(history, "gives no way to drain"), "the warning")
        server.signal(signal.SIGTERM)
        assert await server.until_exit(within_s=10.0)
    assert len(said(history, "gives no way to drain")) == 1


def said(history: History, text: str) -> list[str]:
    lines = (event.detail["text"] for event in history.events if event.what == "line")
    return [line for line in lines if text in line]
