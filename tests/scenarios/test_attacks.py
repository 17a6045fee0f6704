"""Attacks on a real server that took its memory before, or the connections of others.

docs/attacks.md has the figures. What a server has needed at most is the peak that the kernel has noted.
"""

from __future__ import annotations

import asyncio
import json
import struct
from contextlib import AsyncExitStack
from pathlib import Path
from typing import NamedTuple

import pytest

from harness.probes.http import fetch
from server.limits.tally import LimitReason
from tests.scenarios.real_server import started
from tests.scenarios.test_last_refusal import HANDSHAKE

pytestmark = [pytest.mark.scenario, pytest.mark.attack, pytest.mark.timeout(60)]

SERVER = "-m uvicorn server.main:app --port {port}"
QUIET = {"SERVER_NOTIFY_INTERVAL_S": "0"}
MIB = 1 << 20
READERS = 100
SENT_AT_MOST = 4 * MIB  # by one attacker
PIECE = b"x" * 65_536
PING = b"\x89\xfd" + bytes(4) + PIECE[:125]


class Attack(NamedTuple):
    """What each of `attackers` connections begins with and repeats after that, and under which limit it is counted."""

    attackers: int
    begin: bytes
    repeated: bytes
    reason: LimitReason | None


BODY = "Host: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
UNFINISHED = b"\x82\xff" + struct.pack("!Q", 15 * MIB) + bytes(4)  # a header of a message of 15 MiB
ATTACKS = {
    "messages that are announced to be large": Attack(40, HANDSHAKE, UNFINISHED + PIECE, None),
    "headers without end": Attack(
        40, b"GET / HTTP/1.1\r\nHost: a\r\n", b"X: " + PIECE[:4000] + b"\r\n", LimitReason.HEAD
    ),
    "a header without end": Attack(40, b"GET / HTTP/1.1\r\nHost: a\r\nX: ", PIECE, LimitReason.HEAD),
    "a body without end": Attack(
        4, f"POST /broadcast HTTP/1.1\r\n{BODY}".encode(), b"10000\r\n" + PIECE + b"\r\n", LimitReason.SIZE
    ),
    "pings whose pongs are not read": Attack(40, HANDSHAKE, PING * 100, LimitReason.CONTROL),
}


def memory_mib(process: int, which: str) -> float:
    """The memory that a process has (`VmRSS`), or the most that it has had (`VmHWM`)."""
    status = Path(f"/proc/{process}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(which)) / 1024


async def attack(port: int, what: Attack) -> int:
    """Send a lot and read nothing, until the server has ended it; return how many bytes were sent."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(what.begin)
    if what.begin is HANDSHAKE:
        await reader.readuntil(b"\r\n\r\n")
    sent = 0
    try:
        while sent < SENT_AT_MOST:
            writer.write(what.repeated)
            sent += len(what.repeated)
            await writer.drain()
        while await reader.read(MIB):
            pass
    except OSError:
        pass
    finally:
        writer.transport.abort()
    return sent


@pytest.mark.parametrize("kind", ATTACKS)
async def test_who_sends_without_end_is_ended_and_costs_little_memory(kind: str) -> None:
    what = ATTACKS[kind]
    async with started(SERVER, **QUIET) as server, await server.first_client("/ws/ann") as ann:
        before = memory_mib(server.process.pid, "VmRSS")
        sent = sum(await asyncio.gather(*(attack(server.port, what) for _ in range(what.attackers))))
        await ann.send("still here")
        assert await ann.recv() == "You said: still here"
        grown = memory_mib(server.process.pid, "VmHWM") - before
        metrics = (await fetch(server.port, "/metrics")).body.decode()

    print(f"{kind}: {sent / MIB:.0f} MiB sent, {grown:.1f} MiB more memory")
    assert grown < 16
    assert what.reason is None or f'ebb_limited_total{{reason="{what.reason}"}} {what.attackers}.0' in metrics


@pytest.mark.parametrize("broker", ["memory://", "embedded://"])
async def test_a_body_of_any_size_closes_nobody_who_reads_and_publishing_goes_on(broker: str) -> None:
    async with started(SERVER, **QUIET, SERVER_BROKER_URL=broker) as server, AsyncExitStack() as stack:
        first = await stack.enter_async_context(await server.first_client("/ws"))
        others = [await stack.enter_async_context(await server.connect("/ws")) for _ in range(READERS - 1)]
        before = memory_mib(server.process.pid, "VmRSS")
        for size_mib in (20, 65, 100):
            await post(server.port, size_mib * MIB)
        grown = memory_mib(server.process.pid, "VmHWM") - before
        largest = "x" * 250_000
        answer = await fetch(server.port, "/broadcast", body=json.dumps({"data": largest}).encode())
        heard = [await each.recv() for each in (first, *others)]
        metrics = (await fetch(server.port, "/metrics")).body.decode()

    print(f"{broker}: {grown:.1f} MiB more memory")
    assert answer.status == 202
    assert heard == [largest] * READERS
    assert f'ebb_limited_total{{reason="{LimitReason.SIZE}"}} 3.0' in metrics
    assert grown < 16


async def post(port: int, size: int) -> None:
    """Send a body of so many bytes to `/broadcast`, as far as it is taken: then the connection is ended."""
    head = f"POST /broadcast HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {size}\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head.encode())
        for _ in range(size // len(PIECE)):
            writer.write(PIECE)
            await writer.drain()
        await reader.read()
    except OSError:
        pass
    finally:
        writer.transport.abort()
