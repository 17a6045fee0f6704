"""One contract for all brokers; and what those of several processes owe beyond it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping

import pytest

from server.brokers import broker_of
from server.brokers.redis_log import LEAST_KEPT, LOG
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
    hearer = await any_service.hearer()
    assert await hearer.say("a", {"b": [1, None]}, "ü") == [1, 2, 3]
    await hearer.hears(3)
    assert hearer.numbers == [1, 2, 3]
    assert hearer.said == ["a", {"b": [1, None]}, "ü"]
    assert hearer.lost == []


async def test_a_post_arrives_as_it_was_published(any_service: Service):
    hearer = await any_service.hearer()
    sent = post("hi", room="r", to="ann", sender="bob", named=True, origin=("p", 7), key="bob:1")
    await hearer.broker.publish(sent)
    await hearer.hears(1)
    assert hearer.messages[0].post == sent


async def test_what_can_be_published_can_be_delivered(any_service: Service):
    hearer = await any_service.hearer()
    deepest = json.loads("[" * 255 + "]" * 255)
    odd = {"": float("nan"), "big": 10**40, "null": "\0", "line": "\u2028"}
    await hearer.say(deepest, odd)
    await hearer.hears(2)
    assert hearer.said[0] == deepest
    assert {**hearer.said[1], "": None} == {**odd, "": None}


async def test_what_is_published_at_once_keeps_its_order(any_service: Service):
    hearer = await any_service.hearer()
    numbers = await asyncio.gather(*(hearer.broker.publish(post(n)) for n in range(1000)))
    await hearer.hears(1000)
    assert numbers == hearer.numbers == list(range(1, 1001))
    assert hearer.said == list(range(1000))


async def test_the_same_key_is_applied_once(any_service: Service):
    hearer = await any_service.hearer()
    again = [await hearer.broker.publish(post(data, key="k")) for data in ("first", "second")]
    both = await asyncio.gather(*(hearer.broker.publish(post(data, key="l")) for data in ("third", "fourth")))
    await hearer.say("last")
    await hearer.hears(3)
    assert (again, both) == ([1, 1], [2, 2])
    assert hearer.said == ["first", "third", "last"]


async def test_a_broker_that_never_started_can_be_closed(any_service: Service):
    broker = broker_of(any_service.server.url if any_service.server else "memory://", 10)
    await broker.close()


async def test_a_value_is_kept_for_its_time(any_service: Service):
    store = (await any_service.hearer()).broker.store
    assert await store.get("session:1") is None
    await store.set("session:1", {"page": 1}, 60)
    await store.set("session:1", {"page": 2, "ü": None}, 60)
    await store.set("session:2", {"gone": "soon"}, 0.01)
    assert await store.get("session:1") == {"page": 2, "ü": None}
    deadline = asyncio.get_running_loop().time() + 5
    while await store.get("session:2") is not None:
        assert asyncio.get_running_loop().time() < deadline, "the value is still there"


async def test_every_follower_hears_every_entry_in_order(any_service: Service):
    store = (await any_service.hearer()).broker.store
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
    one, two = await shared.hearer(), await shared.hearer()
    assert one.broker.shared
    await asyncio.gather(*(hearer.say(*range(300)) for hearer in (one, two)))
    await one.hears(600)
    await two.hears(600)
    assert one.messages == two.messages
    assert one.numbers == list(range(1, 601))
    assert one.broker.epoch == two.broker.epoch != ""


async def test_a_process_begins_with_what_the_log_holds(shared: Service):
    first = await shared.hearer()
    await first.say(*range(250))
    second = await shared.hearer()
    assert second.said == list(range(250))  # once `start` has returned
    await second.say("new")
    await second.hears(251)
    await first.hears(251)
    assert first.messages == second.messages
    assert (await shared.hearer(history=3)).said == [248, 249, "new"]


async def test_the_log_is_bounded(shared: Service):
    hearer = await shared.hearer(history=5)
    count = LEAST_KEPT + 50
    await asyncio.gather(*(hearer.broker.publish(post(n)) for n in range(count)))
    await hearer.hears(count)
    assert hearer.numbers == list(range(1, count + 1))
    assert await shared.server.told("XLEN", LOG) == LEAST_KEPT
    assert (await shared.hearer(history=5)).numbers == list(range(count - 4, count + 1))
    assert (await shared.hearer(history=2 * count)).numbers == list(range(51, count + 1))


async def test_the_same_key_is_applied_once_by_all_processes(shared: Service):
    one, two = await shared.hearer(), await shared.hearer()
    numbers = await asyncio.gather(*(hearer.broker.publish(post("once", key="k")) for hearer in (one, two) * 10))
    assert set(numbers) == {1}


async def test_what_cannot_be_encoded_takes_no_number(shared: Service):
    hearer = await shared.hearer()
    for data in ("\ud800", json.loads("[" * 256 + "]" * 256)):
        with pytest.raises(ValueError, match=r"rror serializing to JSON"):
            await hearer.broker.publish(post(data))
    assert await hearer.say("last") == [1]


async def test_a_process_holds_few_connections(shared: Service):
    hearer = await shared.hearer()
    store = hearer.broker.store
    work = [work for n in range(40) for work in (hearer.broker.publish(post(n)), store.set(f"k{n}", {}, 9))]
    *_, clients = await asyncio.gather(*work, shared.server.told("CLIENT", "LIST"))
    clients_after = await shared.server.told("CLIENT", "LIST")
    assert max(len(each.splitlines()) for each in (clients, clients_after)) <= 1 + 1 + 4 + 1  # the last one asks


async def test_a_large_post_is_published_among_others(shared: Service):
    hearer = await shared.hearer()
    sizes = [10, 700_000, 700_000, 1_500_000, 10]
    assert await asyncio.gather(*(hearer.broker.publish(post("x" * size)) for size in sizes)) == [1, 2, 3, 4, 5]
    await hearer.hears(5)
    assert [len(data) for data in hearer.said] == sizes
