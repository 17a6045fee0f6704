"""Which broker a URL means, and how it is reached."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from server.brokers import broker_of, has_password
from server.brokers import redis as valkey
from server.brokers.broker import BrokerUnavailable
from server.brokers.memory import MemoryBroker
from server.brokers.redis import EmbeddedBroker, ValkeyBroker
from tests.server.broker_services import BOUNDS, Server, Subscriber, until


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        yield server


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("memory://", MemoryBroker),
        ("redis://localhost", ValkeyBroker),
        ("redis://:secret@[::1]:6379/1?socket_keepalive=1", ValkeyBroker),
        ("rediss://ann:secret@example.org:6380/0?ssl_cert_reqs=none", ValkeyBroker),
        ("unix:///run/valkey.sock?db=1&password=secret", ValkeyBroker),
        ("embedded://", EmbeddedBroker),
    ],
)
async def test_a_url_names_a_broker(url: str, kind: type):
    broker = broker_of(url, 10)
    assert type(broker) is kind
    assert "secret" not in getattr(broker, "name", "")
    await broker.close()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://localhost", False),
        ("redis://ann@[::1]:6379/1", False),
        ("embedded://", False),
        ("redis://:secret@host", True),
        ("rediss://ann:se/c@ret@host:6380/0", True),
        ("unix:///run/valkey.sock?db=1&password=secret", True),
        ("redis:/:secret@host", True),
    ],
)
def test_a_password_in_a_url_is_seen_even_where_the_url_is_mistyped(url: str, expected: bool):
    assert has_password(url) is expected


@pytest.mark.attack
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("amqp://ann:secret@host", "amqp://... is no broker: memory://, redis://, rediss://, unix:// or embedded://"),
        ("embedded://secret", "embedded://... is no broker: memory://, redis://, rediss://, unix:// or embedded://"),
        ("secret@host", "a URL without a scheme is no broker: memory://, redis://, rediss://, unix:// or embedded://"),
        ("redis://:se/cret@host", "redis://... is no broker: its port, path or an option is not understood"),
        ("redis://host:secret", "redis://... is no broker: its port, path or an option is not understood"),
        ("redis://host?secret=1", "redis://... is no broker: its port, path or an option is not understood"),
        ("redis://host?db=secret", "redis://... is no broker: its port, path or an option is not understood"),
        ("unix://", "unix://... is no broker: its port, path or an option is not understood"),
    ],
)
def test_a_wrong_url_is_refused_in_one_line_without_its_password(url: str, said: str):
    with pytest.raises(ValueError, match=r"is no broker") as refused:
        broker_of(url, 10)
    assert str(refused.value) == said


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


async def test_a_server_is_reached_over_tcp(server: Server):
    port = free_port()
    await server.execute("CONFIG", "SET", "port", port)
    subscriber = Subscriber(broker_of(f"redis://127.0.0.1:{port}/0", 10))
    await subscriber.broker.start()
    await subscriber.say("a")
    await subscriber.hears(1)
    await subscriber.broker.close()
    over_tls = broker_of(f"rediss://127.0.0.1:{port}/0", 10)
    with pytest.raises(BrokerUnavailable, match=r"^the broker cannot be reached: no connection in time$"):
        await over_tls.store.get("k")
    await over_tls.close()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("redis://:secret@127.0.0.1:{port}/0", "Connection refused"),
        ("redis://ann:secret@no-such-host.invalid:{port}/0", "[A-Z].*"),
    ],
)
async def test_a_server_that_is_not_there_is_named_without_its_password(
    url: str, reason: str, caplog: pytest.LogCaptureFixture
):
    broker: Any = broker_of(url.format(port=free_port()), 10)
    starting = asyncio.create_task(broker.start())
    await until(lambda: caplog.messages, "a line about it")
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    with pytest.raises(BrokerUnavailable, match=f"^the broker cannot be reached: {reason}$"):
        await broker.store.get("k")
    await broker.close()
    assert caplog.messages[0].startswith(f"waiting for the broker at {broker.name}: the broker cannot be reached: ")
    assert "secret" not in caplog.text


async def test_a_password_is_used_and_its_lack_is_named(server: Server, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, logger="ebb")
    await server.execute("CONFIG", "SET", "requirepass", "secret")
    wrong = broker_of(server.url, 10)
    waiting = asyncio.create_task(wrong.start())
    await until(lambda: caplog.messages, "a line about it")
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await wrong.close()
    assert caplog.messages == [f"waiting for the broker at {server.url}: the broker says: Authentication required"]
    subscriber = Subscriber(broker_of(f"{server.url}?password=secret", 10))
    await subscriber.broker.start()
    assert await subscriber.say("a") == [1]
    await subscriber.broker.close()


async def test_it_waits_for_a_broker_that_is_not_there_yet(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(valkey, "WAITING_S", 0.05)
    server = Server()
    subscriber = Subscriber(ValkeyBroker(f"{server.url}?password=secret", BOUNDS))
    starting = asyncio.create_task(subscriber.broker.start())
    await until(lambda: len(caplog.messages) >= 2, "two lines about it")
    assert not subscriber.broker.available
    reason = "the broker cannot be reached: No such file or directory"
    assert set(caplog.messages) == {f"waiting for the broker at {server.url}: {reason}"}
    with pytest.raises(BrokerUnavailable, match="the broker cannot be reached: No such file or directory"):
        await subscriber.broker.store.get("k")
    starting.cancel()
    await asyncio.gather(starting, return_exceptions=True)
    await subscriber.broker.close()


async def test_it_begins_when_the_broker_comes():
    server = Server()
    subscriber = Subscriber(ValkeyBroker(server.url, BOUNDS))
    starting = asyncio.create_task(subscriber.broker.start())
    try:
        await asyncio.sleep(0)
        server.start()
        await asyncio.wait_for(starting, 5)
        assert await subscriber.say("a") == [1]
        await subscriber.hears(1)
    finally:
        await subscriber.broker.close()
        server.stop()
