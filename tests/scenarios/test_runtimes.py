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
    "asyncio-h11",
    "asyncio-websockets-sansio",
    "asyncio-wsproto",
    "uvloop-websockets-sansio",
    "uvloop-wsproto",
    "gunicorn",
]
# What servers that are not uvicorn decide themselves: granian does not wait for an answer to its close frame; gunicorn
# refuses with 403, and looks only once a second whether it is to stop. None says when lifespan shutdown begins (18).
THEIR_OWN = {"hypercorn-alone": set[int](), "granian": {11, 13, 28}, "gunicorn-asgi": {3, 4, 16, 27}}
OF_ONE_PROCESS = {18, 27, 28, 29}  # clauses about what one process prints and counts


def on(target: str, scenario: str, folder: Path) -> Run:
    file = TARGETS / f"{target}.toml"
    return harness(folder, "run", scenario, "--clients", "100", "--timeout", "2", "--target", str(file))


@pytest.mark.turns
@pytest.mark.parametrize("target", DRAINS)
def test_a_mixed_drain_passes(target: str, tmp_path: Path):
    run = on(target, "drain", tmp_path)

    assert run.clauses("pass") == set(SCENARIOS["drain"].clauses), run.output


@pytest.mark.turns
@pytest.mark.parametrize("target", THEIR_OWN)
def test_a_mixed_drain_passes_on_a_server_that_hears_of_the_signal_later_but_for_what_it_decides(
    target: str, tmp_path: Path
):
    run = on(target, "drain", tmp_path)

    assert run.clauses("fail") <= THEIR_OWN[target], run.output
    assert run.clauses("excluded") == {18}
    assert run.clauses("pass") >= set(SCENARIOS["drain"].clauses) - THEIR_OWN[target] - {18}, run.output


@pytest.mark.turns
@pytest.mark.parametrize("scenario", ["drain", "ctrl_c"])
def test_two_workers_drain_each_for_itself(scenario: str, tmp_path: Path):
    run = on("workers", scenario, tmp_path)

    assert run.clauses("excluded") == OF_ONE_PROCESS
    assert run.clauses("pass") == set(SCENARIOS[scenario].clauses) - OF_ONE_PROCESS, run.output


async def test_a_server_that_cannot_be_held_says_so_in_one_line():
    history = empty_history()
    async with Target(load(TARGETS / "hypercorn.toml"), history) as server:
        await until(lambda: said(history, "gives no way to drain"), "the warning")
        server.signal(signal.SIGTERM)
        assert await server.until_exit(within_s=10.0)
    assert len(said(history, "gives no way to drain")) == 1


def said(history: History, text: str) -> list[str]:
    lines = (event.detail["text"] for event in history.events if event.what == "line")
    return [line for line in lines if text in line]
