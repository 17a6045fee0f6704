"""The broker goes away, and comes back with all, some or none of its data. Judged on what was delivered."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from functools import partial
from typing import Any

import pytest

from server.brokers.broker import BrokerUnavailable
from server.brokers.redis import ValkeyBroker
from server.brokers.redis_connection import ANSWER_S
from server.brokers.redis_log import SEQ
from server.brokers.redis_scripts import PAGE
from tests.server.broker_services import BOUNDS, SERVERS, Service, Subscriber, back, gone, post, service, until, within


@pytest.fixture(params=SERVERS)
async def shared(request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    async with service(request.param) as started:
        yield started


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Any:
    """What the brokers have logged: level and text."""
    caplog.set_level(logging.INFO, logger="ebb")
    return lambda: [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "ebb"]


async def publishing(subscriber: Subscriber, numbered: list[tuple[int, str]], name: str) -> None:
    """Publish without end; note what was acknowledged. A refusal comes within a second."""
    for n in range(10**6):
        async with within(1):
            try:
                numbered.append((await subscriber.broker.publish(post(f"{name}{n}")), f"{name}{n}"))
            except BrokerUnavailable:
                await asyncio.sleep(0.001)


@pytest.mark.parametrize("fault", ["killed", "stopped"])
async def test_what_was_acknowledged_is_delivered_once_and_in_order(shared: Service, lines: Any, fault: str):
    server = shared.server
    one, two = await shared.subscriber(), await shared.subscriber()
    epoch = one.broker.epoch
    acknowledged: list[tuple[int, str]] = []
    load = [asyncio.create_task(publishing(one, acknowledged, name)) for name in "abc"]
    await one.hears(100)
    if fault == "killed":
        server.kill()
        await gone(one)
        server.restart()
    else:
        with server.frozen():
            await gone(one)
            await gone(two)
    await back(one)
    await back(two)
    count = len(acknowledged)
    await until(lambda: len(acknowledged) > count + 100, "publishing goes on", within_s=2)
    assert all(not each.done() for each in load)
    for each in load:
        each.cancel()
    await asyncio.gather(*load, return_exceptions=True)
    (last,) = await two.say("last")
    await one.hears(last)
    await two.hears(last)
    assert one.numbers == list(range(1, last + 1))
    assert one.messages == two.messages
    assert set(acknowledged) <= set(zip(one.numbers, one.said, strict=True))
    assert (one.lost, one.broker.epoch) == ([], epoch)
    assert [level for level, _ in lines()] == ["WARNING", "WARNING", "INFO", "INFO"]
    assert all(server.url in line for _, line in lines())


async def test_a_silent_broker_refuses_within_a_second_and_serves_at_once_when_it_goes_on(shared: Service):
    subscriber = await shared.subscriber()
    with shared.server.frozen():
        async with within(1.5 + 0.1):  # the condition is looked at every few ms
            async with within(1):
                with pytest.raises(BrokerUnavailable, match=r"^the broker does not answer within 0\.6 s$"):
                    await subscriber.say("lost?")
            await gone(subscriber)
        with pytest.raises(BrokerUnavailable, match=r"^the broker is away$"):
            await subscriber.say("lost")
    async with within(0.5):
        await back(subscriber)
        await subscriber.say("served")
    await until(lambda: "served" in subscriber.said, "the message heard")


async def test_a_process_that_is_held_up_does_not_blame_the_broker(shared: Service, lines: Any):
    subscriber = await shared.subscriber()
    publishing = asyncio.create_task(subscriber.broker.publish(post("a")))
    await asyncio.sleep(0)
    time.sleep(2)  # longer than the patience with any answer
    assert await publishing == 1
    time.sleep(2)
    assert await subscriber.say("b") == [2]
    await subscriber.hears(2)
    assert lines() == []


async def test_the_store_refuses_within_a_second_and_serves_again(shared: Service, lines: Any):
    store = (await shared.subscriber()).broker.store
    await store.set("k", {"n": 1}, 60)
    with shared.server.frozen():
        asking = [store.get("k"), store.set("k", {"n": 2}, 60), *(store.append("s", {"n": "1"}) for _ in range(8))]
        async with within(1):
            refusals = await asyncio.gather(*asking, return_exceptions=True)
    assert {str(refusal) for refusal in refusals} == {"the broker does not answer within 0.6 s"}
    shared.server.kill()
    shared.server.restart()
    deadline = time.monotonic() + 20
    while True:
        try:
            value = await store.get("k")
            break
        except BrokerUnavailable:
            assert time.monotonic() < deadline
    assert value in ({"n": 1}, {"n": 2})  # nobody knows whether the refused one was heard
    await shared.server.execute("SET", "ebb:k", "not ours")
    assert await store.get("k") is None
    assert ("ERROR", "the value of ebb:k in the broker is not ours; it counts as nothing") in lines()


async def test_a_follower_waits_an_outage_out_and_misses_nothing(shared: Service):
    store = (await shared.subscriber()).broker.store
    heard: list[str] = []

    async def hear(entry: Mapping[str, str]) -> None:
        heard.append(entry["n"])

    following = asyncio.create_task(store.follow("answers", hear))
    while not heard:
        await store.append("answers", {"n": "begun"})
    begun = len(heard)
    shared.server.kill()
    shared.server.restart()
    for n in range(250):
        await shared.server.execute("XADD", "answers", "*", "n", str(n))
    await until(lambda: heard[-1] == "249", "the last entry heard")
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert [n for n in heard[begun:] if n != "begun"] == [str(n) for n in range(250)]


async def test_nobody_waits_for_ever_to_catch_up(shared: Service):
    subscriber = await shared.subscriber()
    await subscriber.say("a")
    with shared.server.frozen():
        async with within(1):
            await subscriber.broker.catch_up()
        await gone(subscriber)
        async with within(0.1):
            await subscriber.broker.catch_up()
    await back(subscriber)
    await shared.server.execute("SET", SEQ, "not ours")
    await subscriber.broker.catch_up()
    await shared.server.execute("SET", SEQ, 1000)
    async with within(1):
        await subscriber.broker.catch_up()


async def test_a_process_that_was_held_up_asks_again_how_far_the_log_is(
    shared: Service, monkeypatch: pytest.MonkeyPatch
):
    speaker, hearer = await shared.subscriber(), await shared.subscriber()
    held_up: list[int] = []
    asked: list[tuple[Any, ...]] = []
    ask = hearer.broker._asking.ask

    async def held_up_once(*command: Any) -> Any:
        answer = await ask(*command)
        asked.append(command)
        if not held_up:
            held_up.extend(await speaker.say(*range(20)))
            time.sleep(0.02)
        return answer

    monkeypatch.setattr(hearer.broker._asking, "ask", held_up_once)
    monkeypatch.setattr(hearer.broker, "_wait", partial(hearer.broker._read_page, 1))  # each takes a while to read
    await hearer.broker.catch_up()
    assert len(asked) > 1
    assert hearer.numbers[-1:] == held_up[-1:]


async def test_a_caller_that_gives_up_disturbs_nobody(shared: Service):
    subscriber = await shared.subscriber()
    publishing = [asyncio.create_task(subscriber.broker.publish(post(n))) for n in range(20)]
    await asyncio.sleep(0)
    publishing[3].cancel()
    await asyncio.sleep(0)
    publishing[4].cancel()
    results = await asyncio.gather(*publishing, return_exceptions=True)
    await subscriber.say("last")
    await until(lambda: "last" in subscriber.said, "the last message heard")
    assert subscriber.numbers == list(range(1, len(subscriber.numbers) + 1))
    published = [(number, n) for n, number in enumerate(results) if isinstance(number, int)]
    assert len(published) == 18
    assert set(published) <= set(zip(subscriber.numbers, subscriber.said, strict=True))


async def test_who_waits_when_the_broker_is_let_go_of_is_told(shared: Service):
    subscriber = await shared.subscriber()
    with shared.server.frozen():
        publishing = [asyncio.create_task(subscriber.broker.publish(post(n))) for n in range(2)]
        await asyncio.sleep(0)
        publishing.append(asyncio.create_task(subscriber.broker.publish(post(2))))
        await asyncio.sleep(0)
        await subscriber.broker.close()
        results = await asyncio.gather(*publishing, return_exceptions=True)
    assert [str(result) for result in results] == ["the broker was let go of: the server stops"] * 3
    with pytest.raises(BrokerUnavailable, match="the broker is away"):
        await subscriber.say("more")


async def test_a_server_that_may_not_be_written_to_is_away(shared: Service, lines: Any):
    """It has become a replica: it still answers, and another one is in its place."""
    subscriber = await shared.subscriber()
    await subscriber.say("a")
    await shared.server.execute("REPLICAOF", "127.0.0.1", "1")
    await until(lambda: not subscriber.broker.available, "the broker found away", within_s=2)
    await shared.server.execute("REPLICAOF", "NO", "ONE")
    await back(subscriber)
    assert await subscriber.say("b") == [2]
    await subscriber.hears(2)
    assert (subscriber.said, subscriber.lost) == (["a", "b"], [])
    assert [level for level, _ in lines()] == ["WARNING", "INFO"]


class Slow(ValkeyBroker):
    """Needs `s_per_mb` seconds more for each megabyte of an answer."""

    def __init__(self, url: str, s_per_mb: float) -> None:
        super().__init__(url, BOUNDS)
        ask = self._connection.ask

        async def ask_slowly(*command: Any, within_s: float = ANSWER_S) -> Any:
            answer = await ask(*command, within_s=within_s)
            entries = (answer[0][1] if answer else ()) if command[0] == "XREAD" else answer if PAGE in command else ()
            size = sum(len(part) for _, fields in entries for part in fields)
            if size * s_per_mb / 1e6 > within_s:
                raise BrokerUnavailable("the answer is too large for this patience")
            return answer

        self._connection.ask = ask_slowly  # type: ignore[method-assign]


async def test_what_cannot_be_read_in_time_is_read_with_more_patience(shared: Service, lines: Any):
    writer = await shared.subscriber()
    slow = await shared.subscriber(broker=Slow(shared.server.url, 1.7))
    await writer.say("a", "x" * 900_000, "b", "c")
    await slow.hears(4)
    assert [len(data) for data in slow.said] == [1, 900_000, 1, 1]
    assert slow.lost == []
    await back(slow)
    assert await slow.say("d") == [5]
    await slow.hears(5)


async def test_what_cannot_be_read_at_all_is_skipped_and_lost_and_the_rest_goes_on(shared: Service, lines: Any):
    writer = await shared.subscriber()
    slow = await shared.subscriber(broker=Slow(shared.server.url, 6))
    await writer.say("a", "x" * 900_000, "b")
    await until(lambda: "b" in slow.said, "what comes after it", within_s=30)
    assert (slow.said, slow.numbers, slow.lost) == (["a", "b"], [1, 3], [2])
    await back(slow)
    assert await slow.say("c") == [4]
    await slow.hears(3)
    name = shared.server.url
    assert ("ERROR", f"entry 2-0 of the log of {name} cannot be read within 4 s, and is lost") in lines()
