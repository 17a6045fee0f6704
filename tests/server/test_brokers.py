"""One contract for all brokers; and what those of several processes owe beyond it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping

import pytest

from server.brokers import broker_of
from server.brokers.redis_log import EPOCH, KEYS_OF, KEYS_S, LEAST_KEPT, LOG, SEQ
from tests.server.broker_services import SERVERS, Service, post, service, until


@pytest.fixture(params=["memory", *SERVERS])
async def any_service(request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    async with service(request.param) as started:
        yield started


@pytest.fixture(params=SERVERS)
async def shared(request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    async with service(request.param) as started:
        yield started


# ---- All of them ----


async def test_messages_are_numbered_from_1_on_and_delivered_in_order(any_service: Service):
    subscriber = await any_service.subscriber()
    assert await subscriber.say("a", {"b": [1, None]}, "ü") == [1, 2, 3]
    await subscriber.hears(3)
    assert subscriber.numbers == [1, 2, 3]
    assert subscriber.said == ["a", {"b": [1, None]}, "ü"]
    assert subscriber.lost == []


async def test_a_post_arrives_as_it_was_published(any_service: Service):
    subscriber = await any_service.subscriber()
    sent = post("hi", room="r", to="ann", sender="bob", named=True, origin=("p", 7), key="bob:1")
    await subscriber.broker.publish(sent)
    await subscriber.hears(1)
    assert subscriber.messages[0].post == sent


async def test_what_can_be_published_can_be_delivered(any_service: Service):
    subscriber = await any_service.subscriber()
    deepest = json.loads("[" * 255 + "]" * 255)
    odd = {"": float("nan"), "big": 10**40, "null": "\0", "line": "\u2028"}
    await subscriber.say(deepest, odd)
    await subscriber.hears(2)
    assert subscriber.said[0] == deepest
    assert {**subscriber.said[1], "": None} == {**odd, "": None}


async def test_what_is_published_at_once_keeps_its_order(any_service: Service):
    subscriber = await any_service.subscriber()
    numbers = await asyncio.gather(*(subscriber.broker.publish(post(n)) for n in range(1000)))
    await subscriber.hears(1000)
    assert numbers == subscriber.numbers == list(range(1, 1001))
    assert subscriber.said == list(range(1000))


async def test_the_same_key_is_applied_once(any_service: Service):
    subscriber = await any_service.subscriber()
    again = [await subscriber.broker.publish(post(data, key="k")) for data in ("first", "second")]
    both = await asyncio.gather(*(subscriber.broker.publish(post(data, key="l")) for data in ("third", "fourth")))
    await subscriber.say("last")
    await subscriber.hears(3)
    assert (again, both) == ([1, 1], [2, 2])
    assert subscriber.said == ["first", "third", "last"]


async def test_of_each_owner_the_last_thousand_keys_are_known(any_service: Service):
    broker = (await any_service.subscriber()).broker

    async def publish(owner: str, *marks: int) -> list[int]:
        return await asyncio.gather(*(broker.publish(post(None, key=f"{owner}:{mark}")) for mark in marks))

    assert await publish("bob", 0) == [1]
    assert await publish("ann", *range(1001)) == list(range(2, 1003))
    assert await publish("bob", 0) == [1]
    assert await publish("ann", 1, 1000) == [3, 1002]
    assert await publish("ann", 0) == [1003]


async def test_who_has_caught_up_has_heard_what_was_published_before(any_service: Service):
    speaker = await any_service.subscriber()
    hearer = await any_service.subscriber() if any_service.server else speaker
    for said in range(100, 1001, 100):
        await asyncio.gather(*(speaker.broker.publish(post(n)) for n in range(100)))
        await hearer.broker.catch_up()
        assert hearer.numbers[said - 1 :] == [said]


async def test_a_broker_that_never_started_can_be_closed(any_service: Service):
    broker = broker_of(any_service.server.url if any_service.server else "memory://", 10)
    await broker.close()


async def test_a_value_is_kept_for_its_time(any_service: Service):
    store = (await any_service.subscriber()).broker.store
    assert await store.get("session:1") is None
    await store.set("session:1", {"page": 1}, 60)
    await store.set("session:1", {"page": 2, "ü": None}, 60)
    await store.set("session:2", {"gone": "soon"}, 0.01)
    assert await store.get("session:1") == {"page": 2, "ü": None}
    deadline = asyncio.get_running_loop().time() + 5
    while await store.get("session:2") is not None:
        assert asyncio.get_running_loop().time() < deadline, "the value is still there"


async def test_every_follower_hears_every_entry_in_order(any_service: Service):
    store = (await any_service.subscriber()).broker.store
    await store.append("answers", {"n": "before"})
    heard: list[list[str]] = [[], []]

    def hears_into(entries: list[str]):
        async def hear(entry: Mapping[str, str]) -> None:
            entries.append(entry["n"])

        return hear

    followers = [asyncio.create_task(store.follow("answers", hears_into(entries))) for entries in heard]
    added: list[str] = []
    while not all(heard):  # until both have begun
        added.append(f"ü{len(added)}")
        await store.append("answers", {"n": added[-1]})
        await asyncio.sleep(0)
    await store.append("answers", {"n": "last", "more": ""})
    await until(lambda: all(entries[-1] == "last" for entries in heard), "the last entry heard by both")
    for follower, entries in zip(followers, heard, strict=True):
        follower.cancel()
        assert entries == [*added, "last"][-len(entries) :]
    await asyncio.gather(*followers, return_exceptions=True)


# ---- Those of several processes ----


async def test_every_process_hears_every_message_in_the_same_order(shared: Service):
    one, two = await shared.subscriber(), await shared.subscriber()
    assert one.broker.shared
    await asyncio.gather(*(subscriber.say(*range(300)) for subscriber in (one, two)))
    await one.hears(600)
    await two.hears(600)
    assert one.messages == two.messages
    assert one.numbers == list(range(1, 601))
    assert one.broker.epoch == two.broker.epoch != ""


async def test_a_process_begins_with_what_the_log_holds(shared: Service):
    first = await shared.subscriber()
    await first.say(*range(250))
    second = await shared.subscriber()
    assert second.said == list(range(250))  # once `start` has returned
    await second.say("new")
    await second.hears(251)
    await first.hears(251)
    assert first.messages == second.messages
    assert (await shared.subscriber(history=3)).said == [*range(250), "new"]


async def test_the_log_is_bounded(shared: Service):
    subscriber = await shared.subscriber(history=5)
    count = LEAST_KEPT + 50
    await asyncio.gather(*(subscriber.broker.publish(post(n)) for n in range(count)))
    await subscriber.hears(count)
    assert subscriber.numbers == list(range(1, count + 1))
    assert await shared.server.execute("XLEN", LOG) == LEAST_KEPT
    assert (await shared.subscriber(history=5)).numbers == list(range(51, count + 1))
    assert (await shared.subscriber(history=2 * count)).numbers == list(range(51, count + 1))


async def test_the_same_key_is_applied_once_by_all_processes(shared: Service):
    one, two = await shared.subscriber(), await shared.subscriber()
    numbers = await asyncio.gather(
        *(subscriber.broker.publish(post("once", key="k")) for subscriber in (one, two) * 10)
    )
    assert set(numbers) == {1}


async def test_the_keys_of_an_owner_are_one_small_value_that_expires(shared: Service):
    broker = (await shared.subscriber()).broker
    await asyncio.gather(*(broker.publish(post(None, key=f"ann:{n:032}")) for n in range(1100)))
    name = f"{KEYS_OF}ann"

    assert await shared.server.execute("ZCARD", name) == 1000
    assert 0 < await shared.server.execute("TTL", name) <= KEYS_S
    assert await shared.server.execute("MEMORY", "USAGE", name) < 200_000


async def test_in_a_log_that_began_anew_the_newest_keys_are_known(shared: Service):
    broker = (await shared.subscriber()).broker
    keys = [f"ann:{n}" for n in range(1000)]
    await asyncio.gather(*(broker.publish(post(None, key=key)) for key in keys))
    await shared.server.execute("DEL", LOG, SEQ, EPOCH)
    first = await broker.publish(post(None, key="ann:new"))

    assert await broker.publish(post(None, key="ann:new")) == first
    assert await shared.server.execute("ZCARD", f"{KEYS_OF}ann") == 1000


async def test_what_cannot_be_encoded_takes_no_number(shared: Service):
    subscriber = await shared.subscriber()
    for data in ("\ud800", json.loads("[" * 256 + "]" * 256)):
        with pytest.raises(ValueError, match=r"rror serializing to JSON"):
            await subscriber.broker.publish(post(data))
    assert await subscriber.say("last") == [1]


async def test_a_process_holds_few_connections(shared: Service):
    subscriber = await shared.subscriber()
    store = subscriber.broker.store
    work = [work for n in range(40) for work in (subscriber.broker.publish(post(n)), store.set(f"k{n}", {}, 9))]
    *_, clients = await asyncio.gather(*work, shared.server.execute("CLIENT", "LIST"))
    clients_after = await shared.server.execute("CLIENT", "LIST")
    assert max(len(each.splitlines()) for each in (clients, clients_after)) <= 1 + 1 + 4 + 1  # the last one asks


async def test_a_large_post_is_published_among_others(shared: Service):
    subscriber = await shared.subscriber()
    sizes = [10, 700_000, 700_000, 900_000, 10]
    assert await asyncio.gather(*(subscriber.broker.publish(post("x" * size)) for size in sizes)) == [1, 2, 3, 4, 5]
    await subscriber.hears(5)
    assert [len(data) for data in subscriber.said] == sizes
