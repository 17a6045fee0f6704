"""One timer for all that has to be over in time; and time stands still while the event loop does."""

from __future__ import annotations

import asyncio
import time

import pytest

from server.protocol.deadlines import TICK_S, Deadlines


class Client:
    """Whose time is bounded."""

    def __init__(self) -> None:
        self.overdue_at: list[float] = []

    def overdue(self) -> None:
        self.overdue_at.append(asyncio.get_running_loop().time())


def none_yet() -> Deadlines:
    return Deadlines(asyncio.get_running_loop())


@pytest.mark.looptime
async def test_what_is_not_over_in_time_is_told_so_once_and_what_is_is_not():
    deadlines, late, done = none_yet(), Client(), Client()
    deadlines.expect(late, 1.0)
    deadlines.expect(done, 1.0)
    deadlines.settle(done)
    assert (deadlines.expects(late), deadlines.expects(done)) == (True, False)
    await asyncio.sleep(3)

    assert (late.overdue_at, done.overdue_at) == ([pytest.approx(1.0)], [])


@pytest.mark.looptime
async def test_of_several_times_for_one_the_last_counts():
    deadlines, client = none_yet(), Client()
    deadlines.expect(client, 1.0)
    deadlines.expect(client, 2.0)
    await asyncio.sleep(3)

    assert client.overdue_at == [pytest.approx(2.0)]


@pytest.mark.looptime
async def test_who_begins_right_before_a_tick_has_all_of_its_time():
    deadlines, other, client = none_yet(), Client(), Client()
    deadlines.expect(other, 5.0)
    await asyncio.sleep(TICK_S - 0.001)
    deadlines.expect(client, TICK_S)
    await asyncio.sleep(1)
    deadlines.settle(other)

    assert client.overdue_at == [pytest.approx(2 * TICK_S)]


@pytest.mark.looptime
async def test_the_end_of_one_may_settle_another_that_is_due_with_it():
    deadlines, other = none_yet(), Client()

    class First(Client):
        def overdue(self) -> None:
            super().overdue()
            deadlines.settle(other)
            deadlines.settle(first)

    first = First()
    deadlines.expect(first, 1.0)
    deadlines.expect(other, 1.0)
    await asyncio.sleep(3)

    assert (first.overdue_at, other.overdue_at) == ([pytest.approx(1.0)], [])


async def test_while_the_event_loop_stands_still_so_does_the_time_of_those_who_wait():
    deadlines, client = none_yet(), Client()
    deadlines.expect(client, 3 * TICK_S)
    time.sleep(5 * TICK_S)  # the event loop stands still
    await asyncio.sleep(1.5 * TICK_S)

    assert client.overdue_at == []
    deadlines.settle(client)


@pytest.mark.looptime
async def test_with_nothing_expected_no_timer_runs():
    deadlines, client = none_yet(), Client()
    deadlines.expect(client, 5.0)
    deadlines.settle(client)
    await asyncio.sleep(TICK_S)

    assert not deadlines._ticker.runs
