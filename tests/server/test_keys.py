"""By what a repeated message is recognised: of one length, and of one route and owner."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from server.app import create_app
from server.brokers.keys import Keys
from server.messages.keys import key_of, parts_of
from server.settings import Settings


def test_a_key_has_one_length_and_tells_neither_name_nor_id():
    for owner, id in (("ann", "order-17"), ("x" * 10_000, "\ud800\0" * 200)):
        assert [len(part) for part in parts_of(key_of(owner, "ws", id))] == [32, 32]
        assert owner not in key_of(owner, "ws", id)


@pytest.mark.attack
def test_no_two_routes_owners_or_ids_have_the_same_key():
    of = [
        key_of(*each)
        for each in (
            ("ann", "ws", "1"),
            ("bob", "ws", "1"),
            ("ann", "ws", "2"),
            ("ann", "rooms/a", "b/1"),
            ("ann", "rooms/a/b", "1"),
            ("ann", "rooms/a/", "b1"),
        )
    ]

    assert len(set(of)) == len(of)


def test_the_oldest_keys_of_an_owner_are_forgotten_and_nobody_elses():
    keys = Keys(per_name=2, in_all=10)
    for n, key in enumerate(["bob:1", "ann:1", "ann:2", "ann:3"]):
        keys.add(key, n)

    assert [keys.get(key) for key in ("bob:1", "ann:1", "ann:2", "ann:3")] == [0, None, 2, 3]


@pytest.mark.attack
def test_of_all_owners_together_the_oldest_keys_are_forgotten():
    keys = Keys(per_name=2, in_all=3)
    for n, key in enumerate(["a:1", "b:1", "b:2", "c:1", "d:1", "a:1"]):
        keys.add(key, n)

    assert [keys.get(key) for key in ("b:1", "b:2", "c:1", "d:1", "a:1")] == [None, None, 3, 4, 5]
    assert len(keys) == 3


@pytest.mark.attack
def test_a_million_names_are_forgotten_with_their_keys():
    keys = Keys(per_name=2, in_all=100)
    for n in range(10_000):
        keys.add(f"{n}:1", n)

    assert (len(keys), len(keys._of)) == (100, 100)


@pytest.mark.attack
@pytest.mark.parametrize("path", ["/broadcast", "/rooms/tea/messages", "/clients/ann/messages"])
def test_what_is_stored_of_an_id_is_short_whatever_its_length(path: str, monkeypatch: pytest.MonkeyPatch):
    app = create_app(Settings(notify_interval_s=0))
    stored = []
    publish = app.state.hub.broker.publish

    async def noted(post):
        stored.append(post.key)
        return await publish(post)

    monkeypatch.setattr(app.state.hub.broker, "publish", noted)
    with TestClient(app) as client:
        numbers = [client.post(path, json={"data": 1, "id": "x" * 200}).json()["seq"] for _ in range(2)]

    assert numbers == [1, 1]
    assert {len(key) for key in stored} == {65}


def test_how_many_are_known_is_a_setting():
    with TestClient(create_app(Settings(notify_interval_s=0, keys_per_name=1))) as client:
        ids = ("a", "b", "b", "a")
        assert [client.post("/broadcast", json={"data": 1, "id": id}).json()["seq"] for id in ids] == [1, 2, 2, 3]
