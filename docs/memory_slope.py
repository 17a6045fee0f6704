"""Whether memory stays flat: 12 hours' worth of visitors who come once, in ten minutes.

    python -m docs.memory_slope                                                 # 216,000 visitors, two cores
    python -m docs.memory_slope --seconds 1200 --per-s 8                        # 345,600: all bounds are full by half
    python -m docs.memory_slope --broker embedded:// --seconds 1300 --per-s 1   # which knows a key for ten minutes
    python -m docs.memory_slope --seconds 20 --per-s 0.1

Each visitor has an address, a name, a room, an idempotency key and a session that nobody had before: it publishes into
its room, notes a progress in its session, and is gone; every tenth publishes over HTTP as well. `--per-s` is how many
such come in one second of the twelve hours. States of sessions are kept for a minute, for time passes 72 times as fast.
Memory grows until every bound is full, and is flat after that: the slope is that of the second half (least squares).
Refuses to know what the server keeps, and why.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

import psutil

from harness.load.servers import KNOWN
from harness.load.session import new_history
from harness.targets.target import Target, TargetFailed

DAY_S = 12 * 3600
TENTHS = 10
AT_ONCE = 40  # visitors
ANSWER_S = 20.0
MIB, KIB = 1 << 20, 1 << 10
SETTINGS = {"SERVER_SESSION_TTL_S": "60", "SERVER_TRUSTED_PROXIES": "127.0.0.1", "SERVER_NOTIFY_INTERVAL_S": "0"}
HANDSHAKE = (
    "GET {} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: ebb.v1\r\nX-Forwarded-For: {}\r\n\r\n"
)
POST = (
    "POST /broadcast HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: {}\r\n"
    "Connection: close\r\nX-Forwarded-For: {}\r\n\r\n{}"
)
SHORT = 125  # RFC 6455, 5.2: longer ones have another form
CLOSE = b"\x88\x80" + bytes(4)


class Sample(NamedTuple):
    """What was seen at one moment: seconds since the beginning, visitors so far, bytes of memory."""

    at_s: float
    visitors: int
    memory: int


# ---- What is made of it ----


def slope(points: Sequence[tuple[float, float]]) -> float:
    """How much y grows for each x, by least squares; 0 where all x are the same."""
    mean_x, mean_y = (sum(each) / len(points) for each in zip(*points, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0


def tenths(samples: Sequence[Sample], seconds: float) -> list[Sample]:
    """The first sample of each tenth, and the last of all."""
    starts = [seconds * n / TENTHS for n in range(TENTHS)]
    return [next(each for each in samples if each.at_s >= start) for start in starts] + [samples[-1]]


def report(samples: Sequence[Sample], seconds: float) -> list[str]:
    """The table, and the slope of the second half."""
    half = [each for each in samples if each.at_s >= seconds / 2]
    in_a_minute = slope([(each.at_s / 60, each.memory / KIB) for each in half])
    for_each = slope([(each.visitors, each.memory) for each in half])
    rows = [f"| {each.at_s:.0f} | {each.visitors:,} | {each.memory / MIB:.1f} |" for each in tenths(samples, seconds)]
    return [
        "| after, s | visitors | MiB |",
        "|---|---|---|",
        *rows,
        "",
        f"second half: {in_a_minute:+.0f} KiB a minute, {for_each:+.1f} bytes a visitor",
    ]


# ---- Visitors ----


def masked(text: str) -> bytes:
    """A text frame with a mask of zeros. Raises ValueError for a text of more than 125 characters."""
    if len(text) > SHORT:
        raise ValueError(f"text of {len(text)} characters, limit {SHORT}")
    return bytes((0x81, 0x80 | len(text))) + bytes(4) + text.encode()


def address_of(visitor: int) -> str:
    """The address of a visitor: one in 10.0.0.0/8."""
    return f"10.{visitor >> 16 & 255}.{visitor >> 8 & 255}.{visitor & 255}"


async def say(port: int, path: str, visitor: int, message: dict[str, object], until: bytes) -> None:
    """Connect, say one thing, wait for an answer, and leave."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(HANDSHAKE.format(path, address_of(visitor)).encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 101 "):
            raise OSError(head.decode())
        writer.write(masked(json.dumps(message, separators=(",", ":"))))
        if until:
            await reader.readuntil(until)
        writer.write(CLOSE)
        await reader.read()
    finally:
        writer.transport.abort()


async def post(port: int, visitor: int) -> None:
    """Publish over HTTP, with a key of one's own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        body = json.dumps({"data": f"post {visitor}", "id": f"p{visitor}"})
        writer.write(POST.format(len(body), address_of(visitor), body).encode())
        answer = await reader.read()
        if not answer.startswith(b"HTTP/1.1 202 "):
            raise OSError(answer.decode())
    finally:
        writer.transport.abort()


async def visit(port: int, visitor: int) -> None:
    """Be a visitor, once."""
    async with asyncio.timeout(ANSWER_S):
        published = {"type": "publish", "id": f"k{visitor}", "room": f"room-{visitor}", "data": visitor}
        await say(port, f"/ws/name-{visitor}?room=room-{visitor}", visitor, published, b'"ack"')
        progress = {"type": "READING_PROGRESS", "payload": {"page": visitor}}
        await say(port, f"/ws/session/session-{visitor}", visitor, progress, b"")
        if visitor % 10 == 0:
            await post(port, visitor)


class Crowd:
    """Visitors, one after another at a pace, some at once."""

    def __init__(self, port: int, pace_per_s: float) -> None:
        self.came = 0
        self._port = port
        self._each_s = 1 / pace_per_s
        self._began = time.monotonic()

    async def come(self, until_s: float) -> None:
        """Come until then; who comes late is not left out."""
        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(self._come(until_s))

    async def _come(self, until_s: float) -> None:
        while (now := time.monotonic() - self._began) < until_s:
            if (early_s := self.came * self._each_s - now) > 0:
                await asyncio.sleep(early_s)
                continue
            self.came += 1
            await visit(self._port, self.came)


def memory_of(target: Target) -> int:
    """The resident memory of a server and of all that it has started, in bytes."""
    parent = psutil.Process(target.pid)
    return sum(each.memory_info().rss for each in (parent, *parent.children(recursive=True)))


async def measure(seconds: float, per_s: float, broker: str) -> list[Sample]:
    """Let visitors come for so many seconds, and look each second."""
    server = KNOWN["ebb"]
    environment = {**os.environ, **server.environment, **SETTINGS, "SERVER_BROKER_URL": broker}
    samples: list[Sample] = []
    async with Target(server.profile, new_history(server.profile), environment, {}) as target:
        crowd = Crowd(target.port, per_s * DAY_S / seconds)
        began = time.monotonic()
        coming = asyncio.create_task(crowd.come(seconds))
        try:
            while not coming.done():
                samples.append(Sample(time.monotonic() - began, crowd.came, memory_of(target)))
                await asyncio.wait([coming], timeout=min(1.0, seconds / TENTHS / 2))
            await coming
        finally:
            coming.cancel()
            await asyncio.wait([coming])
        samples.append(Sample(time.monotonic() - began, crowd.came, memory_of(target)))
    return samples


def main() -> int:
    """Measure, and print. 2: it could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m docs.memory_slope", description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=600.0, metavar="S", help="how long (default 600)")
    parser.add_argument(
        "--per-s", type=float, default=5.0, metavar="N", help="visitors in a second of 12 h (default 5)"
    )
    parser.add_argument("--broker", default="memory://", metavar="URL", help="memory:// (default) or embedded://")
    asked = parser.parse_args()
    try:
        samples = asyncio.run(measure(asked.seconds, asked.per_s, asked.broker))
    except KeyboardInterrupt:
        return 130
    except (TargetFailed, OSError, ExceptionGroup) as error:
        print(f"memory_slope: {error}", file=sys.stderr)
        return 2
    came, hours = samples[-1].visitors, samples[-1].visitors / asked.per_s / 3600
    print(f"{came:,} addresses, names, rooms, keys and sessions: {hours:.1f} h at {asked.per_s:g} a second")
    print("\n".join(report(samples, asked.seconds)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
