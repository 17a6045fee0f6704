"""What probes see while the broker is away or the workers are replaced: judged on the history."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.history.events import Event
from harness.history.record import History
from tests.scenarios.harness_runs import harness

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(120)]

NOTICED_WITHIN_S = 2.0  # it may take 1.3 s to find that the broker is away
BACK_WITHIN_S = 1.0
RETRIES_WITHIN_S = 1.0


def history_of(scenario: str, target: str, folder: Path) -> History:
    file = folder / "history.jsonl"
    run = harness(folder, "run", scenario, "--clients", "100", "--target", target, "--history", str(file))
    assert run.status == 0, run.output
    with file.open() as lines:
        return History.load(lines)[-1]


def moment(history: History, who: str, what: str, after: float = 0.0) -> float:
    return next(event.t for event in history.events if event[1:3] == (who, what) and event.t > after)


def probes(history: History, who: str, start: float, end: float) -> list[Event]:
    """The requests begun and answered between two moments."""
    found = (event for event in history.events if event[1:3] == (who, "answered"))
    return [event for event in found if start <= event.detail["began"] and event.t <= end]


def statuses(history: History, who: str, start: float, end: float) -> set[int]:
    return {probe.detail["status"] for probe in probes(history, who, start, end)}


@pytest.mark.parametrize("target", ["uvicorn", pytest.param("workers", marks=pytest.mark.turns)])
@pytest.mark.parametrize(
    ("scenario", "goes", "returns", "comes"),
    [("broker_dies", "killed", "started", "ready"), ("broker_stalls", "frozen", "thawed", "thawed")],
)
def test_while_the_broker_is_away_a_server_is_alive_and_not_ready(
    scenario: str, goes: str, returns: str, comes: str, target: str, tmp_path: Path
):
    history = history_of(scenario, target, tmp_path)
    gone = moment(history, "broker", goes)
    returning = moment(history, "broker", returns, after=gone)  # the server may reach it before the harness does
    back = moment(history, "broker", comes, after=gone)
    assert history.t0 is not None

    assert statuses(history, "ready", gone - 0.5, gone) == {200}
    assert statuses(history, "ready", gone + NOTICED_WITHIN_S, returning) == {503}
    assert statuses(history, "ready", back + BACK_WITHIN_S, history.t0) == {200}
    assert statuses(history, "health", gone, history.t0) == {200}


def test_while_workers_are_replaced_a_client_that_retries_for_a_second_is_served(tmp_path: Path):
    history = history_of("worker_retires", "workers", tmp_path)
    assert history.t0 is not None
    rolled = moment(history, "target", "rolled")
    asked = probes(history, "ready", rolled, history.t0 - RETRIES_WITHIN_S)
    came = {event.who: event.t for event in history.events if event.what == "opened"}
    tried = [event for event in history.events if event.what == "connecting" and event.who.startswith("brief-visitor")]
    tried = [event for event in tried if rolled <= event.t <= history.t0 - RETRIES_WITHIN_S]

    assert len(asked) > 50
    for probe in asked:
        began = probe.detail["began"]
        assert 200 in statuses(history, "ready", began, began + RETRIES_WITHIN_S)
    assert len(tried) > 50
    for attempt in tried:
        assert any(
            attempt.t <= t <= attempt.t + RETRIES_WITHIN_S for who, t in came.items() if who.startswith("brief-visitor")
        )
