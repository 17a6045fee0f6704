"""The attackers of a run: as many as belong to its honest clients; all come, and again when they were cut off."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine
from typing import Any

import pytest

from harness.clients.abuse import Abuse, Sizes, sizes_for
from harness.clients.crowd import Crowd
from harness.clients.flooders import ALL_BYTES_PER_S, KINDS, Flooder, MessageFlooder, PingFlooder
from harness.clients.mix import DELIVERIES_PER_S, ClientFactory
from harness.history.attack import ATTACKERS
from harness.options import ask_of, parse
from harness.probes.network import HOST
from harness.scenarios import SCENARIOS
from harness.scenarios.abuse import mix
from harness.targets.declaration import REFERENCE, Profile
from tests.harness.servers import empty_history, until

SCENARIO = SCENARIOS["abuse"]
FOREIGN = Profile(command="serve {port}", ws="/chat/{client}")


def abuse(profile: Profile, port: int = 1, sizes: Sizes | None = None, clients: int = 20) -> tuple[Abuse, list[Any]]:
    tasks: list[asyncio.Task[Any]] = []

    def keep(act: Coroutine[Any, Any, Any]) -> None:
        tasks.append(asyncio.ensure_future(act))

    factory = ClientFactory(profile, ask_of(parse(["run", "abuse", "--seed", "7"])), mix(clients), empty_history())
    return Abuse(sizes or sizes_for(clients), factory, Crowd(port), keep), tasks


def flooder(kind: type[Flooder], profile: Profile, **more: Any) -> Flooder:
    return abuse(profile, **more)[0]._flooder(kind, "odd-1", 1)


@pytest.mark.parametrize(
    ("honest", "sizes"), [(1000, Sizes(2000, 50, 200)), (100, Sizes(200, 5, 20)), (1, Sizes(2, 1, 1))]
)
def test_there_are_as_many_attackers_as_the_issue_has_beside_a_thousand_honest_clients(
    honest: int, sizes: Sizes
) -> None:
    assert sizes_for(honest) == sizes
    assert mix(honest).attackers == sizes.all == sizes.half_handshakes + len(KINDS) * sizes.flooders + sizes.stalled


@pytest.mark.parametrize(
    ("options", "clients"), [((), 100), (("--clients", "300"), 300), (("--clients", "99999"), 4000)]
)
def test_there_are_a_hundred_honest_clients_unless_somebody_says_how_many(
    options: tuple[str, ...], clients: int
) -> None:
    assert SCENARIO.asked(ask_of(parse(["run", "abuse", *options]))).clients == clients
    assert SCENARIOS["drain"].asked(ask_of(parse(["run", "drain"]))).clients == 500


def test_the_target_keeps_its_limits_on_how_fast_a_client_may_send() -> None:
    assert SCENARIO.suited(REFERENCE).rate_envs is None
    assert SCENARIOS["drain"].suited(REFERENCE).rate_envs == REFERENCE.rate_envs != ()
    assert SCENARIO.suited(FOREIGN).rate_envs is None


async def test_all_attackers_come_and_come_again_when_they_were_cut_off() -> None:

    async def cut_off(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with await asyncio.start_server(cut_off, HOST, 0) as server:
        attack, tasks = abuse(FOREIGN, server.sockets[0].getsockname()[1], Sizes(2, 1, 1))
        events = attack._factory.history.events
        attack.begin()

        def twice() -> bool:
            names = Counter(event.who for event in events if event.what == "connecting")
            return len(names) == 2 + len(KINDS) + 1 and sum(n > 1 for n in names.values()) >= 2 + len(KINDS)

        await until(twice, "everybody, twice")
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
    personas = {event.detail["persona"] for event in events if event.what == "connecting"}
    assert personas == {*ATTACKERS, "half-handshake", "stalled-reader"}


async def test_all_of_them_together_send_no_more_than_the_harness_can_write_beside_its_observations() -> None:
    assert flooder(PingFlooder, REFERENCE).pace == 1_000_000
    many = Sizes(1, 50, 1)
    assert flooder(PingFlooder, REFERENCE, sizes=many).pace == ALL_BYTES_PER_S / (50 * len(KINDS))


async def test_messages_are_flooded_into_a_room_of_ones_own_or_no_faster_than_the_honest_can_listen() -> None:
    ours, theirs = flooder(MessageFlooder, REFERENCE), flooder(MessageFlooder, FOREIGN)
    assert (ours.dialect.subprotocol, ours.dialect.room) == ("ebb.v1", "odd-1")
    assert (theirs.dialect.subprotocol, theirs.path) == (None, "/chat/odd-1")
    assert theirs.pace == DELIVERIES_PER_S / 20
    assert ours.pace == flooder(MessageFlooder, FOREIGN.changed(broadcasts=False)).pace == 1_000_000


async def test_what_stalled_readers_ask_for_does_not_grow_with_their_number() -> None:
    for clients in (20, 200):
        attack, _ = abuse(REFERENCE, clients=clients)
        before = len(attack._crowd.clients)
        await attack._stall()
        (stalled,) = attack._crowd.clients[before:]
        together = (len(stalled.ballast) - 1) * attack.sizes.stalled
        assert 50_000 < together <= 600_000
        assert stalled.asks == 1
