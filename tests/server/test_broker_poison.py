"""What others put into the broker, and one sender that floods it: each costs what it is, and everybody else goes on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

import pytest

from server.brokers.broker import BrokerUnavailable
from server.brokers.left_out import Found, LeftOut
from server.brokers.redis import ValkeyBroker
from server.brokers.redis_log import COSTS, EPOCH, KEYS_OF, LOG, OVER, SENT, SEQ, LogBounds, tag_of
from server.brokers.redis_scripts import PAGE
from tests.server.broker_services import BOUNDS, SERVERS, Service, Subscriber, post, service, until


@pytest.fixture(params=SERVERS)
async def shared(request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    async with service(request.param) as started:
        yield started


def small(shared: Service, messages: int = 1000, size: int = 1_000_000) -> ValkeyBroker:
    return ValkeyBroker(shared.server.url, LogBounds(messages, size, 0.05))


async def flood(subscriber: Subscriber, count: int, data: Any = "flood", sender: str = "mallory") -> None:
    """Publish much, and wait until it is heard: who does not read loses what falls out meanwhile."""
    heard = len(subscriber.messages)
    for at in range(0, count, 100):
        await asyncio.gather(
            *(subscriber.broker.publish(post(data, sender=sender)) for _ in range(min(100, count - at)))
        )
        await subscriber.hears(heard + min(at + 100, count))


# ---- One sender ----


@pytest.mark.attack
@pytest.mark.parametrize("size", [10, 20_000])
async def test_a_flood_does_not_push_the_others_out_of_the_log(shared: Service, size: int):
    """Measured before: 10,100 messages of one sender in 0.6 s, and no other message was left in the log."""
    one = await shared.subscriber(broker=small(shared, size=10_000_000))
    for n in range(10):
        await one.broker.publish(post(n, to="ann", sender="bob"))
    await flood(one, 1500, "x" * size)
    late = await shared.subscriber(broker=small(shared, size=10_000_000))
    assert [each for each in late.said if isinstance(each, int)] == list(range(10))
    assert len(late.said) > 400  # what nobody else wants is not wasted
    for n in range(400):
        await one.broker.publish(post("other", sender=f"other{n}"))
    later = await shared.subscriber(broker=small(shared, size=10_000_000))
    said = [str(each)[:5] for each in later.said]
    assert (said[:10], said.count("other"), one.lost) == (list("0123456789"), 400, [])


async def test_the_log_is_bounded_in_bytes(shared: Service):
    one = await shared.subscriber(broker=small(shared))
    for n in range(60):
        await one.broker.publish(post("x" * 50_000, sender=str(n)))
    await one.hears(60)
    assert await shared.server.execute("XLEN", LOG) == 19  # of 1 MB, with names and punctuation
    assert int(await shared.server.execute("HGET", COSTS, "")) <= 1_000_000
    assert await shared.server.execute("HLEN", COSTS) == 20  # and nothing is kept of senders who have nothing there


# ---- What is too large, or much ----


async def test_one_read_is_a_megabyte_at_most(shared: Service):
    writer = await shared.subscriber()
    sizes: list[int] = []
    broker = ValkeyBroker(shared.server.url, BOUNDS)
    ask = broker._connection.ask

    async def measured(*command: Any, **terms: Any) -> Any:
        answer = await ask(*command, **terms)
        entries = (answer[0][1] if answer else ()) if command[0] == "XREAD" else answer if PAGE in command else ()
        sizes.append(sum(len(part) for _, fields in entries for part in fields))
        return answer

    broker._connection.ask = measured  # type: ignore[method-assign]
    await flood(writer, 40, "x" * 240_000)
    reader = await shared.subscriber(broker=broker)
    await flood(writer, 40, "x" * 240_000)
    await reader.hears(80)
    assert reader.numbers == list(range(1, 81))
    assert 700_000 < max(sizes) <= 1_000_000


@pytest.mark.attack
@pytest.mark.timeout(180)
async def test_an_entry_of_100_mb_is_skipped_and_told_and_publishing_goes_on(shared: Service, caplog: Any):
    """Measured before: every publish refused from then on, on every process that came after."""
    one = await shared.subscriber()
    await one.say("a")
    await shared.server.execute("INCR", SEQ)
    large = ("XADD", LOG, "2-0", "e", one.broker.epoch, "m", "x" * 100_000_000)
    await patient(shared, *large)
    await until(lambda: one.broker.available and one.broker._known.read == 2, "skipped", within_s=120)
    assert await one.say("b") == [3]
    await until(lambda: "b" in one.said, "what comes after it")
    late = await shared.subscriber()
    assert late.said == ["a", "b"]
    assert late.broker.left_out.counts == {"foreign": 0, "unreadable": 1, "type": 0}
    assert late.lost == [2]
    name = shared.server.url
    assert f"entry 2-0 of the log of {name} has 100000034 bytes, limit 1000000, and is lost" in caplog.messages


async def patient(shared: Service, *command: Any) -> Any:
    """Execute what takes longer than an answer may."""
    from server.brokers.redis_connection import Address, RedisConnection

    line = RedisConnection(Address(shared.server.url))
    try:
        return await line.ask(*command, within_s=10)
    finally:
        await line.close()


# ---- What is not ours ----

OTHERS = {
    "string": ("SET", "not ours"),
    "list": ("RPUSH", "not ours"),
    "set": ("SADD", "not ours"),
    "hash": ("HSET", "not", "ours"),
    "zset": ("ZADD", "1.5", "1"),
    "stream": ("XADD", "*", "not", "ours"),
}
KEYS = (LOG, SEQ, EPOCH, COSTS, OVER, SENT + tag_of("ann"), KEYS_OF + "k")


@pytest.mark.attack
@pytest.mark.parametrize("kind", OTHERS)
@pytest.mark.parametrize("key", KEYS)
async def test_a_key_that_holds_something_else_stops_nobody(shared: Service, key: str, kind: str):
    one, two = await shared.subscriber(), await shared.subscriber()
    await one.broker.publish(post("a", sender="ann", key="k:1"))
    await two.hears(1)
    verb, *rest = OTHERS[kind]
    await shared.server.execute("DEL", key)
    await shared.server.execute(verb, key, *rest)

    async def speaks() -> None:
        for each in (one, two):
            for key in (None, "k:1"):
                await each.broker.publish(post("b", sender="ann", key=key))

    for _ in range(100):
        try:
            await speaks()
            break
        except BrokerUnavailable:
            await asyncio.sleep(0.05)
    else:
        pytest.fail("publishing is refused for good")
    await until(lambda: one.broker.available and two.broker.available, "both available", within_s=10)
    await one.broker.publish(post("end"))
    await until(lambda: "end" in one.said and "end" in two.said, "both hear on", within_s=10)
    assert one.broker.epoch == two.broker.epoch
    assert (await shared.subscriber()).said[-1] == "end"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (SEQ, "1.5"),
        (SEQ, "9" * 30),
        (SEQ, "-4"),
        (SEQ, ""),
        (EPOCH, b"\xff\xfe"),
        (EPOCH, "x" * 10_000_000),
        (EPOCH, ""),
    ],
)
async def test_a_number_or_an_epoch_that_is_none_begins_another_log(shared: Service, key: str, value: Any):
    one = await shared.subscriber()
    await one.say("a")
    await one.hears(1)
    await shared.server.execute("SET", key, value)
    await until(lambda: one.lost, "another log", within_s=5)
    await until(lambda: one.broker.available, "available")
    assert await one.say("b") == [1]
    await until(lambda: one.said[-1] == "b", "what is new")


@pytest.mark.parametrize("count", [1, 1000])
async def test_entries_that_stand_above_our_last_number_do_not_keep_us_from_adding(shared: Service, count: int):
    """`XADD {ebb}:log * ...` of anybody's: no number of ours could be added after it, ever."""
    one = await shared.subscriber()
    await one.say("a")
    await one.hears(1)
    many = f"for n = 1, {count} do redis.call('XADD', KEYS[1], '*', 'not', 'ours') end"
    await shared.server.execute("EVAL", many, 1, LOG)
    for _ in range(100):
        try:
            await one.say("b")
            break
        except BrokerUnavailable:
            await asyncio.sleep(0.05)
    await until(lambda: one.said[-1] == "b", "what is new")
    assert one.lost == []
    assert (await shared.subscriber()).said[0] == "a"


def test_what_is_left_out_is_counted_and_said_once_a_second(caplog: pytest.LogCaptureFixture):
    now = 0.0
    left_out = LeftOut(lambda: now)
    caplog.set_level(logging.ERROR, logger="ebb")
    for _ in range(5):
        left_out.add(Found.FOREIGN, "this")
    now = 1.0
    left_out.add(Found.TYPE, "that", 3)
    assert caplog.messages == ["this", "that (4 more since the last such line)"]
    assert left_out.counts == {"foreign": 5, "unreadable": 0, "type": 3}
