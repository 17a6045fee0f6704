"""What a message costs by WebSocket, event stream, long polling and polling: the table of docs/transports.md.

    python -m docs.transports               # 200 clients, six minutes, two cores
    python -m docs.transports --clients 50  # to look at

Starts one small server for all four and counts, on raw sockets, what goes over them; and what the server's process
takes of a core. Latency is from the moment at which the server has the message. Owns the table in the page, which it
writes. Refuses to know Ebb: the server is as small as each of the four allows, so that they can be compared.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from platform import python_version

import psutil

from harness.probes.network import free_port

PAGE = Path(__file__).parent / "transports.md"
MESSAGES, EVERY_S, IDLE_S = 20, 1.0, 60.0
POLL_EVERY_S = 1.0
# What a browser says in each request, as Chromium does; cookies come on top.
HEADERS = (
    "Host: 127.0.0.1\r\nAccept: */*\r\nAccept-Language: en-US,en;q=0.9\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\nReferer: http://127.0.0.1/\r\nSec-Fetch-Dest: empty\r\n"
    "Sec-Fetch-Mode: cors\r\nSec-Fetch-Site: same-origin\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) "
    "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36\r\n"
)
KEEP = "Connection: keep-alive\r\n"
UPGRADE = (
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
PING = re.compile(rb"\x89\x04(.{4})", re.DOTALL)
SETTLE_S = 1.0

# ---- The clients ----


@dataclass
class Traffic:
    """What went over the sockets of all clients, and how old each text was when it came."""

    to_server: int = 0
    from_server: int = 0
    ages_s: list[float] = field(default_factory=list)

    def took(self, data: bytes) -> bytes:
        """Count what has come."""
        now = time.monotonic()
        self.from_server += len(data)
        self.ages_s += [now - float(each) for each in re.findall(rb"@(\d+\.\d+) ", data)]
        return data


class Client:
    """One client, on one connection."""

    def __init__(self, port: int, traffic: Traffic) -> None:
        self._port, self._traffic = port, traffic

    async def connect(self) -> None:
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)

    async def ask(self, line: str, more: str = "") -> bytes:
        """Send a request; return the head of its answer."""
        request = f"{line} HTTP/1.1\r\n{more or KEEP}{HEADERS}\r\n".encode()
        self._traffic.to_server += len(request)
        self._writer.write(request)
        return self._traffic.took(await self._reader.readuntil(b"\r\n\r\n"))

    async def body(self, head: bytes) -> bytes:
        """Read the body of an answer."""
        (length,) = re.findall(rb"content-length: (\d+)", head)
        return self._traffic.took(await self._reader.readexactly(int(length)))

    async def is_pushed_to(self, path: str, more: str) -> None:
        """Take what comes, and answer pings."""
        await self.ask(f"GET {path}", more)
        while data := await self._reader.read(65536):
            self._traffic.took(data)
            for payload in PING.findall(data):
                pong = b"\x8a\x84\0\0\0\0" + payload
                self._traffic.to_server += len(pong)
                self._writer.write(pong)

    async def polls(self, wait: bool) -> None:
        """Ask again and again: at once, or each second, from a moment of its own on."""
        number = 0
        if not wait:
            await asyncio.sleep(POLL_EVERY_S * random.random())
        while True:
            head = await self.ask(f"GET /poll?after={number}&wait={int(wait)}")
            number = json.loads(await self.body(head))["after"]
            if not wait:
                await asyncio.sleep(POLL_EVERY_S)


WAYS: dict[str, Callable[[Client], Coroutine[None, None, None]]] = {
    "WebSocket": lambda client: client.is_pushed_to("/ws", UPGRADE),
    "event stream": lambda client: client.is_pushed_to("/events", ""),
    "long polling": lambda client: client.polls(wait=True),
    "polling each second": lambda client: client.polls(wait=False),
}

# ---- The measurement ----


async def measured(way: str, count: int) -> list[str]:
    """The column of one way: bytes and CPU for each delivery and for a minute of nothing, and how late texts came."""
    port, traffic = free_port(), Traffic()
    command = f"-m uvicorn docs.transports_server:app --port {port} --log-level warning --ws websockets-sansio"
    command += " --ws-per-message-deflate false"
    with subprocess.Popen([sys.executable, *command.split()]) as server:
        try:
            process = psutil.Process(server.pid)
            clients = [Client(port, traffic) for _ in range(count)]
            await connected(clients[0])
            await asyncio.gather(*(client.connect() for client in clients))
            tasks = [asyncio.create_task(WAYS[way](client)) for client in clients]
            await asyncio.sleep(SETTLE_S)
            idle = await cost(process, traffic, asyncio.sleep(IDLE_S))
            busy = await cost(process, traffic, talk(port))
            for task in tasks:
                task.cancel()
        finally:
            server.kill()  # it would wait for its clients
    heard, minutes = len(traffic.ages_s), count * IDLE_S / 60
    ages = statistics.quantiles(traffic.ages_s, n=100)
    return [
        f"{busy.from_server / heard:,.0f}",
        f"{busy.to_server / heard:,.0f}",
        f"{busy.cpu_s / heard * 1e6:,.0f}",
        f"{statistics.median(traffic.ages_s) * 1e3:,.0f}",
        f"{ages[98] * 1e3:,.0f}",
        f"{(idle.from_server + idle.to_server) / minutes:,.0f}",
        f"{idle.cpu_s / minutes * 1e3:,.1f}",
    ]


@dataclass
class Cost:
    """What something took."""

    to_server: int
    from_server: int
    cpu_s: float


async def cost(process: psutil.Process, traffic: Traffic, work: Awaitable[None]) -> Cost:
    """Await it, and say what it took."""

    def now() -> tuple[int, int, float]:
        times = process.cpu_times()
        return traffic.to_server, traffic.from_server, times.user + times.system

    before = now()
    await work
    return Cost(*(later - earlier for earlier, later in zip(before, now(), strict=True)))


async def connected(client: Client) -> None:
    """Wait until the server listens."""
    while True:
        with suppress(OSError):
            return await client.connect()
        await asyncio.sleep(0.1)


async def talk(port: int) -> None:
    """Have the server say a text each second, and wait until all of them have come."""
    speaker = Client(port, Traffic())
    await speaker.connect()
    for _ in range(MESSAGES):
        head = await speaker.ask("POST /say", f"Content-Length: 0\r\n{KEEP}")
        await speaker.body(head)
        await asyncio.sleep(EVERY_S)
    await asyncio.sleep(POLL_EVERY_S + SETTLE_S)


ROWS = (
    "bytes from the server for each delivery",
    "bytes to the server for each delivery",
    "the server's CPU for each delivery, µs",
    "age of a text when it comes, median, ms",
    "age of a text when it comes, p99, ms",
    "bytes of a client in a minute without messages",
    "the server's CPU for that, ms",
)


def main() -> None:
    """Measure, and write the table."""
    parser = argparse.ArgumentParser(prog="python -m docs.transports")
    parser.add_argument("--clients", type=int, default=200)
    count = parser.parse_args().clients
    columns = [asyncio.run(measured(way, count)) for way in WAYS]
    lines = [f"| {count} clients | {' | '.join(WAYS)} |", "|---" * (1 + len(WAYS)) + "|"]
    lines += [f"| {' | '.join((name, *cells))} |" for name, *cells in zip(ROWS, *columns, strict=True)]
    versions = ", ".join(f"{name} {version(name)}" for name in ("uvicorn", "starlette"))
    lines += ["", f"Measured on {date.today()}: `python -m docs.transports`; {versions}, Python {python_version()}."]
    page = PAGE.read_text()
    mark = re.compile(r"(?<=<!-- transports -->\n).*?(?=<!-- end -->)", re.DOTALL)
    PAGE.write_text(mark.sub("\n".join(lines) + "\n", page))


if __name__ == "__main__":
    main()
