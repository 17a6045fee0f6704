"""Some descriptors are kept from clients; and where none is left nobody is deafened by it."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from server.limits.descriptors import AT_ONCE, LISTEN_AGAIN_S, MOST_ROOM, Descriptors, TurnedAway
from server.limits.tally import LimitReason, Tally


class Some(Descriptors):
    """As if the next one had the number `next_one`."""

    def __init__(self, limit: int, reserve: int = 64, next_one: int = 10) -> None:
        super().__init__(reserve, Tally(), limit)
        self.next_one = next_one

    @property
    def lowest(self) -> int:
        return self.next_one

    @property
    def counted(self) -> int:
        return self._tally.counts[LimitReason.DESCRIPTORS]


@pytest.fixture
def some() -> Any:
    made = Some(1024)
    yield made
    made.close()


def test_it_knows_the_number_of_the_next_descriptor():
    descriptors = Descriptors(64, Tally())
    with open("/dev/null") as file:
        lowest = descriptors.lowest
        assert lowest != file.fileno()
        with open("/dev/null") as other:
            assert other.fileno() == lowest
    descriptors.close()


TELLING_ITS_TABLE = """
from server.limits.descriptors import Descriptors
from server.limits.tally import Tally

made = Descriptors(64, Tally())
print(open("/proc/self/status").read().split("FDSize:")[1].split()[0], made.limit, made.lowest)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="only Linux tells how large its table is")
def test_the_kernels_table_is_as_large_as_it_may_get_before_anybody_comes():
    run = subprocess.run([sys.executable, "-c", TELLING_ITS_TABLE], capture_output=True, text=True, check=True)
    size, limit, lowest = map(int, run.stdout.split())

    assert size >= min(limit, MOST_ROOM)
    assert lowest < 64, "the highest is free again"


def test_none_is_left_where_none_can_be_made():
    descriptors = Descriptors(64, Tally(), limit=100)
    descriptors.close()  # what cannot be duplicated is as good as a full table
    assert descriptors.lowest == 100


@pytest.mark.parametrize(("limit", "reserve", "first"), [(1024, 64, 960), (1024, 0, 1024), (100, 64, 75)])
def test_the_reserve_is_kept_from_clients_a_quarter_at_most(limit, reserve, first, caplog):
    some = Some(limit, reserve)
    config: Any = SimpleNamespace(http_protocol_class=lambda **_: asyncio.Protocol())
    some.guard(config)
    some.next_one = first - 1
    assert type(config.http_protocol_class(config=config)) is asyncio.Protocol
    caplog.set_level(logging.WARNING, logger="ebb")
    for some.next_one in range(first, limit + 1):
        assert type(config.http_protocol_class(config=config)) is TurnedAway
    detail = f"{first} descriptors are taken, limit {limit}, {limit - first} of them reserved"
    assert some.complaint() == detail
    assert some.counted == limit - first + 2
    assert caplog.messages == [f"limited: 'this process': {detail}"]
    some.close()


def newcomers(some: Some) -> Callable[[], type]:
    """What becomes of the next one."""
    config: Any = SimpleNamespace(http_protocol_class=lambda **_: asyncio.Protocol())
    some.guard(config)
    return lambda: type(config.http_protocol_class(config=config))


def test_while_many_are_left_not_every_newcomer_is_looked_at(some, monkeypatch):
    looks: list[None] = []
    monkeypatch.setattr(Some, "lowest", property(lambda self: looks.append(None) or self.next_one))
    comes = newcomers(some)
    for some.next_one in range(10, 960):
        assert comes() is asyncio.Protocol
    some.next_one = 960
    assert comes() is TurnedAway

    assert 950 / 17 < len(looks) < 120


def test_holes_that_others_have_left_let_nobody_into_the_reserve(some):
    comes = newcomers(some)
    for some.next_one in range(10, 960):
        comes()
    for some.next_one in (960, 20, 960, 30, 960, 960):
        assert comes() is (TurnedAway if some.next_one == 960 else asyncio.Protocol)


def test_a_look_that_finds_none_is_not_the_last_one(some):
    some.next_one = 1024  # others, in threads, have taken the reserve
    comes = newcomers(some)
    assert [comes(), comes()] == [TurnedAway] * 2
    some.next_one = 10
    assert comes() is asyncio.Protocol
    some.next_one = 960
    assert comes() is TurnedAway


def test_who_is_turned_away_is_told_and_closed():
    written, closed = [], []
    transport: Any = SimpleNamespace(write=written.append, close=lambda: closed.append(True))
    TurnedAway("960 descriptors are taken").connection_made(transport)
    head, _, body = written[0].decode().partition("\r\n\r\n")
    assert head.startswith("HTTP/1.1 503 Service Unavailable\r\n")
    assert f"content-length: {len(body)}" in head.split("\r\n")
    assert "retry-after: 1" in head.split("\r\n")
    assert (body, closed) == ("960 descriptors are taken\n", [True])


class Loop:
    """What we touch of asyncio's."""

    def __init__(self) -> None:
        self.did: list[tuple[Any, ...]] = []

    def _accept_connection(self, *given: Any) -> None:
        self.did.append(("accept", given[4]))

    def _remove_reader(self, fd: int) -> None:
        self.did.append(("deaf", fd))

    def _start_serving(self, *given: Any) -> None:
        self.did.append(("listens", given[4]))

    def call_later(self, delay_s: float, callback: Any, *given: Any) -> None:
        self.did.append(("later", delay_s))
        self.due = lambda: callback(*given)


def accept(loop: Any, sock: Any) -> None:
    loop._accept_connection("factory", sock, None, "server", 2048, 60, 30)


def test_asyncio_accepts_as_many_at_once_as_there_is_room_for(some):
    loop: Any = Loop()
    some.calm(loop)
    sock = SimpleNamespace(fileno=lambda: 7)
    for some.next_one in (10, 1020, 1023):
        accept(loop, sock)
    assert loop.did == [("accept", AT_ONCE), ("accept", 4), ("accept", 1)]


@pytest.mark.parametrize("closed", [False, True])
def test_without_any_left_asyncio_listens_again_a_moment_later_if_it_still_should(some, closed):
    loop: Any = Loop()
    some.calm(loop)
    some.next_one = 1024
    sock = SimpleNamespace(fileno=lambda: 7)
    accept(loop, sock)
    assert (loop.did, some.counted) == ([("deaf", 7), ("later", LISTEN_AGAIN_S)], 1)
    if closed:
        sock.fileno = lambda: -1
    loop.due()
    assert loop.did[2:] == ([] if closed else [("listens", 2048)])


@pytest.mark.looptime
async def test_that_none_is_left_is_noticed_each_second_whatever_the_loop_says(some):
    watching = asyncio.create_task(some.watch())
    await asyncio.sleep(5.5)
    assert some.counted == 0
    some.next_one = 1024
    await asyncio.sleep(3)
    assert some.counted == 3
    watching.cancel()


async def test_where_there_are_unlimited_ones_nothing_is_done():
    unlimited = Descriptors(64, Tally(), limit=-1)
    config: Any = SimpleNamespace(http_protocol_class=asyncio.Protocol)
    loop: Any = Loop()
    unlimited.guard(config)
    unlimited.calm(loop)
    unlimited.calm(SimpleNamespace())  # type: ignore[arg-type]  # as uvloop's
    await unlimited.watch()
    assert config.http_protocol_class is asyncio.Protocol
    assert "_accept_connection" not in vars(loop)
    unlimited.close()
