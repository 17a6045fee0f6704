"""Several hosts: started side by side, replaced one by one on their ports, and gone afterwards."""

from __future__ import annotations

import psutil
import pytest

from harness.history.record import History
from harness.probes.http import fetch
from harness.report.timeline import hosts_timeline
from harness.targets.fleet import Fleet
from harness.targets.target import TargetFailed
from tests.harness.servers import empty_history, kinds
from tests.harness.test_target import DEAF, python, serving


@pytest.fixture
def history() -> History:
    return empty_history()


async def test_a_host_is_replaced_on_its_port_while_the_others_stand(history: History) -> None:
    async with Fleet(serving(), history, 3, {}) as fleet:
        assert len(set(fleet.ports)) == 3
        before = [target.pid for target in fleet.targets]
        ports = list(fleet.ports)
        await fleet.replace(1)
        after = [target.pid for target in fleet.targets]
        assert [(await fetch(port, "/ready")).status for port in fleet.ports] == [200, 200, 200]
    assert fleet.ports == ports
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True]
    assert not any(psutil.pid_exists(pid) for pid in {*before, *after})
    assert kinds(history, "host-2") == ["started", "line", "ready", "signal", "exited", "started", "line", "ready"]
    assert fleet.statuses == [-15]
    assert history.t0 is None


async def test_when_a_host_was_told_went_and_came_is_counted_from_the_beginning_of_the_load(history: History) -> None:
    async with Fleet(serving(), history, 1, {}) as fleet:
        began = max(event.t for event in history.events) + 0.001
        history.record(began, "harness", "speaking", per_s=50.0)
        await fleet.replace(0)
    moments = hosts_timeline(history)["host-1"]
    assert list(moments) == ["signal", "exited", "ready"]
    assert 0 <= moments["signal"] <= moments["exited"] <= moments["ready"]


async def test_a_host_that_does_not_go_is_killed(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Fleet, "bound_s", 0.3)
    async with Fleet(serving(DEAF), history, 2, {}) as fleet:
        await fleet.replace(0)
    assert "killed" in kinds(history, "host-1")
    assert fleet.statuses == [-9]


async def test_when_one_host_does_not_come_up_none_is_left(history: History) -> None:
    with pytest.raises(TargetFailed, match="it exited before it was ready"):
        async with Fleet(python("import sys; sys.exit(7)"), history, 2, {}):
            pass
    assert {event.who for event in history.events} == {"host-1", "host-2"}
    started = [event.detail["pid"] for event in history.events if event.what == "started"]
    assert not any(psutil.pid_exists(pid) for pid in started)
