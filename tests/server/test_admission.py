"""Who comes in, and that nothing is left behind of a connection, whatever is raised on its way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from server.access.gate import Gate
from server.access.identity import ANYBODY, Identity
from server.connections import admission
from server.connections.connection import Connection
from server.connections.refusal import HandshakeRefused, Reason
from server.drain.events import Phase
from server.endpoints.broadcast import Named
from server.messages.wire import Arrival
from tests.server.peers import InMemoryServer, Peer

pytestmark = pytest.mark.looptime


class Broken(Exception):
    """On purpose."""


def broken(*args: Any, **kwargs: Any) -> Any:
    raise Broken


def then_broken(function: Any) -> Any:
    """Do what `function` does, and fail at its end."""

    def do_and_fail(*args: Any, **kwargs: Any) -> Any:
        function(*args, **kwargs)
        raise Broken

    return do_and_fail


async def is_left_behind(server: InMemoryServer) -> list[str]:
    """Say what is left of a connection."""
    machine = server.shutdown._machine
    left = [f"hub {number}" for number in server.hub.connections]
    left += [f"serving {number}" for number in machine.serving] + [f"closing {number}" for number in machine.closing]
    left += list(server.hub._by_name) + [str(each) for each in server.hub._fanout.audience()]
    await server.shutdown.drain()  # which would wait for half an hour for one that is left
    report = machine.report(0)
    return left + [f"report {report}"] * bool(report.present or report.left or report.closed or report.aborted)


def with_a_broken_check(there: admission.Admission) -> Callable[[Any], Any]:
    find = there._find
    return lambda scope: find(scope)._replace(check=broken)


BREAKS = {
    "parse": lambda server, patch: patch.setattr(admission, "arrival_of", broken),
    "check": lambda server, patch: patch.setattr(server.admission, "_find", with_a_broken_check(server.admission)),
    "the connection's construction": lambda server, patch: patch.setattr(admission, "Connection", broken),
    "hub.enter": lambda server, patch: patch.setattr(server.hub, "enter", broken),
    "hub.enter, at its end": lambda server, patch: patch.setattr(server.hub, "enter", then_broken(server.hub.enter)),
    "shutdown.joined": lambda server, patch: patch.setattr(server.shutdown, "joined", broken),
    "shutdown.joined, at its end": lambda server, patch: patch.setattr(
        server.shutdown, "joined", then_broken(server.shutdown.joined)
    ),
    "the handler's construction": lambda server, patch: patch.setattr(Named, "__init__", broken),
    "on_open": lambda server, patch: patch.setattr(Named, "on_open", broken),
    "on_open, at its end": lambda server, patch: patch.setattr(Named, "on_open", then_broken(Named.on_open)),
    "run": lambda server, patch: patch.setattr(Connection, "run", broken),
    "finish": lambda server, patch: patch.setattr(Connection, "finish", broken),
}


@pytest.mark.parametrize("where", BREAKS)
async def test_whatever_is_raised_nothing_is_left_behind(where: str, monkeypatch: pytest.MonkeyPatch):
    server, peer = InMemoryServer(), Peer()
    BREAKS[where](server, monkeypatch)
    serving = server.start_connection(peer, "ann")
    if where == "finish":
        await asyncio.sleep(1)
        peer.leave()
    with pytest.raises(Broken):
        await serving

    assert await is_left_behind(server) == []


async def test_a_client_that_is_cancelled_leaves_nothing_behind():
    server, peer = InMemoryServer(), Peer()
    serving = server.start_connection(peer, "ann")
    await asyncio.sleep(1)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving

    assert peer.aborted
    assert await is_left_behind(server) == []


async def test_a_check_may_wait_and_then_admit():
    server, peer = InMemoryServer(check=lambda scope: asyncio.sleep(5)), Peer()
    server.start_connection(peer, "ann")
    await asyncio.sleep(4)
    assert server.hub.connections == {}
    await asyncio.sleep(2)

    assert [each.name for each in server.hub.connections.values()] == ["ann"]


async def test_a_check_sees_the_handshake_and_may_refuse_it():
    async def only_ann(scope: Any) -> None:
        if scope["path_params"]["client_id"] != "ann":
            raise HandshakeRefused(401, "who are you?")

    server, ann, bob = InMemoryServer(check=only_ann), Peer(), Peer()
    server.start_connection(ann, "ann")
    await server.start_connection(bob, "bob")

    assert (ann.status, bob.status) == (None, 401)
    assert [each.name for each in server.hub.connections.values()] == ["ann"]
    assert server.admission.refused == dict.fromkeys(Reason, 0) | {"denied": 1}


async def test_a_drain_that_begins_during_the_check_refuses_the_handshake_with_503():
    server, peer = InMemoryServer(check=lambda scope: asyncio.sleep(5)), Peer()
    serving = server.start_connection(peer, "ann")
    await asyncio.sleep(1)
    await server.shutdown.drain()
    await serving

    assert (peer.status, server.admission.refused["draining"], server.shutdown.phase) == (503, 1, Phase.STOPPED)
    assert server.hub.connections == {}


async def test_a_drain_that_begins_while_somebody_is_identified_refuses_the_handshake_with_503():
    async def authorize(scope: Any) -> Identity:
        await asyncio.sleep(5)
        return ANYBODY

    server, peer = InMemoryServer(), Peer()
    server.admission._gate = Gate(authorize)
    serving = server.start_connection(peer, "ann")
    await asyncio.sleep(1)
    await server.shutdown.drain()
    await serving

    assert (peer.status, server.admission.refused["draining"], server.shutdown.phase) == (503, 1, Phase.STOPPED)
    assert server.hub.connections == {}


@pytest.mark.parametrize("extensions", [None, {}, {"tls": {}}])
async def test_where_the_asgi_server_cannot_say_503_the_handshake_is_refused_with_403_and_is_over(extensions):
    server, peer = InMemoryServer(), Peer()
    peer.extensions = extensions
    await server.shutdown.drain()
    await server.start_connection(peer, "ann")

    assert (peer.status, server.admission.refused["draining"]) == (403, 1)


async def test_a_client_that_leaves_during_the_check_is_forgotten():
    server, peer = InMemoryServer(check=lambda scope: asyncio.sleep(5)), Peer()
    serving = server.start_connection(peer, "ann", Arrival())
    await asyncio.sleep(1)
    peer.vanish()
    await serving

    assert await is_left_behind(server) == []


async def test_one_client_too_many_is_refused_with_503_and_the_next_comes_in_when_one_has_left():
    server, peers = InMemoryServer(most=2), [Peer() for _ in range(4)]
    connections = [await server.connect(peer, f"c-{n}") for n, peer in enumerate(peers[:2])]
    await server.start_connection(peers[2], "c-2")
    assert peers[2].status == 503
    assert server.admission.refused["full"] == 1

    peers[0].leave()
    await asyncio.sleep(2)
    await server.connect(peers[3], "c-3")
    assert (peers[3].status, connections[1].open, len(server.hub.connections)) == (None, True, 2)
