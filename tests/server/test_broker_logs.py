"""The log is not the one any more that it was; or what is in it is not ours. Judged on what was delivered."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from server.brokers.redis import ValkeyBroker
from server.brokers.redis_log import EPOCH, LOG, SEQ
from tests.server.broker_services import BOUNDS, SERVERS, Service, Subscriber, back, gone, post, service, until


@pytest.fixture(params=SERVERS)
async def shared(request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    async with service(request.param) as started:
        yield started


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    """What the brokers have logged: level and text."""
    caplog.set_level(logging.INFO, logger="ebb")
    return lambda: [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "ebb"]


class HeldBroker(ValkeyBroker):
    """Comes back when it is let."""

    def __init__(self, url: str) -> None:
        super().__init__(url, BOUNDS)
        self.let = asyncio.Event()

    async def away(self, pause_s: float) -> None:
        await self.let.wait()


async def test_an_empty_broker_is_another_log(shared: Service, lines: Any):
    one, two = await shared.subscriber(), await shared.subscriber()
    await one.say(*range(20))
    await two.hears(20)
    former = one.broker.epoch
    shared.server.kill()
    await gone(one)
    await gone(two)
    shared.server.empty()
    shared.server.restart()
    await back(one)
    await back(two)
    assert await one.say("new", "newer") == [1, 2]
    await one.hears(22)
    await two.hears(22)
    assert one.numbers == two.numbers == [*range(1, 21), 1, 2]
    assert (one.lost, two.lost) == ([0], [0])
    assert one.broker.epoch == two.broker.epoch != former
    assert f"the broker at {shared.server.url} has lost its log, and has begun another one" in dict(lines()).values()


async def test_all_that_an_emptied_log_holds_is_new(shared: Service):
    late = await shared.subscriber(broker=HeldBroker(shared.server.url))
    await late.say(*range(5))
    await late.hears(5)
    shared.server.kill()
    await gone(late)
    shared.server.empty()
    shared.server.restart()
    early = await shared.subscriber()
    await early.say(*"abcdefghi")  # more than there were
    late.broker.let.set()
    await late.hears(14)
    assert late.numbers == [*range(1, 6), *range(1, 10)]
    assert (late.lost, late.broker.epoch) == ([0], early.broker.epoch)


async def older(shared: Service, subscriber: Subscriber, folder: Path) -> None:
    """Start the server again with the data of ten messages, where there have been twenty."""
    await subscriber.say(*range(10))
    shared.server.keep(folder / "kept")
    await subscriber.say(*range(10, 20))
    await subscriber.hears(20)
    shared.server.kill()
    await gone(subscriber)
    shared.server.put_back(folder / "kept")
    shared.server.restart()


async def test_a_log_that_is_behind_is_another_one(shared: Service, tmp_path: Path):
    subscriber = await shared.subscriber()
    former = subscriber.broker.epoch
    await older(shared, subscriber, tmp_path)
    await back(subscriber)
    assert await subscriber.say("new") == [1]
    await subscriber.hears(21)
    assert (subscriber.numbers, subscriber.lost) == ([*range(1, 21), 1], [0])
    assert subscriber.broker.epoch != former
    assert (await shared.subscriber()).said == ["new"]


async def test_a_log_that_went_on_without_us_is_another_one(shared: Service, tmp_path: Path):
    """Its numbers have passed ours, with other messages: nobody can tell but by what is in them."""
    subscriber = await shared.subscriber(broker=HeldBroker(shared.server.url))
    former = subscriber.broker.epoch
    await older(shared, subscriber, tmp_path)
    other = await shared.subscriber()
    assert await other.say(*range(20)) == list(range(11, 31))
    assert other.broker.epoch == former
    subscriber.broker.let.set()
    await until(lambda: subscriber.lost and other.lost, "both told")
    assert (subscriber.numbers, other.numbers) == (list(range(1, 21)), list(range(1, 31)))
    assert subscriber.broker.epoch == other.broker.epoch != former
    assert await other.say("new") == [1]
    await subscriber.hears(21)
    assert subscriber.said[-1] == "new"


async def test_a_publisher_notices_first_that_the_log_is_behind(shared: Service):
    """Nobody has read what was acknowledged; still its number is not given again."""
    subscriber = await shared.subscriber()
    await subscriber.say("a", "b")
    await subscriber.hears(2)
    await shared.server.execute("SET", SEQ, 1)
    assert await subscriber.say("c") == [1]
    await until(lambda: subscriber.said == ["a", "b", "c"], "the new log read")
    assert subscriber.lost == [0]


@pytest.mark.parametrize("command", [("FLUSHALL",), ("DEL", EPOCH), ("DEL", SEQ)])
async def test_a_log_that_is_emptied_by_hand_is_noticed(shared: Service, command: tuple[str, ...]):
    subscriber = await shared.subscriber()
    await subscriber.say(1, 2, 3)
    await subscriber.hears(3)
    await shared.server.execute(*command)
    await until(lambda: subscriber.lost, "the loss told", within_s=3)
    await subscriber.say("new")
    await subscriber.hears(4)
    assert (subscriber.numbers, subscriber.lost) == ([1, 2, 3, 1], [0])


async def test_a_message_of_another_log_is_not_taken_for_one_of_ours(shared: Service):
    """The log was begun anew, and grew past our place, while we were waiting for a message."""
    subscriber = await shared.subscriber()
    await subscriber.say(1, 2, 3)
    await subscriber.hears(3)
    posts = [part for n in range(4) for part in ("XADD", f"{n + 1}-0", post(f"new{n}").model_dump_json())]
    script = f"""
        redis.call('DEL', '{LOG}')
        redis.call('SET', '{EPOCH}', 'other')
        redis.call('SET', '{SEQ}', '4')
        for i = 1, #ARGV, 3 do redis.call('XADD', '{LOG}', ARGV[i + 1], 'e', 'other', 'm', ARGV[i + 2]) end
    """
    await shared.server.execute("EVAL", script, 0, *posts)
    await subscriber.hears(7)
    assert subscriber.numbers == [1, 2, 3, 1, 2, 3, 4]
    assert subscriber.said[3:] == ["new0", "new1", "new2", "new3"]
    assert (subscriber.lost, subscriber.broker.epoch) == ([0], "other")


async def test_what_cannot_be_read_is_left_out_in_one_line(shared: Service, lines: Any):
    subscriber = await shared.subscriber()
    await subscriber.say("a")
    await shared.server.execute("INCR", SEQ)
    await shared.server.execute("XADD", LOG, "2-0", "e", subscriber.broker.epoch, "m", "{")
    await shared.server.execute("INCR", SEQ)
    await shared.server.execute("XADD", LOG, "3-1", "who", "knows")
    assert await subscriber.say("b") == [4]
    await subscriber.hears(2)
    assert (subscriber.numbers, subscriber.said, subscriber.lost) == ([1, 4], ["a", "b"], [])
    assert lines() == [("ERROR", f"entry 2-0 of the log of {shared.server.url} is not ours, and is left out")]
    assert subscriber.broker.left_out.counts == {"foreign": 2, "unreadable": 0, "type": 0}


async def test_a_message_that_cannot_be_delivered_keeps_no_other(shared: Service, lines: Any):
    subscriber = await shared.subscriber()
    heard: list[int] = []

    def refuse_two(message: Any) -> None:
        if message.seq == 2:
            raise RuntimeError("not this one")
        heard.append(message.seq)

    subscriber.broker.subscribe(refuse_two, subscriber.lost.append)
    await subscriber.say(1, 2, 3)
    await until(lambda: heard == [1, 3], "the others heard")
    assert lines() == [("ERROR", "message 2 could not be delivered")]
