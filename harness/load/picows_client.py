"""The bench's clients if there is no C compiler: like `client.c`, but with picows.

Owns the same commands and the same replies (`client.c` documents them). A frame costs it several times as much CPU as
it costs `client.c`; this cost is measured, and printed beside the figures.
"""

from __future__ import annotations

import asyncio
import json
import math
import resource
import sys
import time
from typing import Any

import uvloop
from picows import WSMsgType, ws_connect

from ..probes.network import HOST
from .clients import ECHOER, LISTENER, SPEAKER
from .picows_crowd import Peer, PicowsCrowd

OFFER = {"Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits"}

Reply = dict[str, Any]


async def connect(crowd: PicowsCrowd, kind: str, count: str, at_once: str, timeout_s: str, path: str) -> Reply:
    """Open connections."""
    gate, reasons, began = asyncio.Semaphore(int(at_once)), [""], time.monotonic()

    async def one() -> bool:
        async with gate:
            try:
                peer = Peer(crowd, int(kind))
                crowd.peers.append(peer)
                url, left_s = f"ws://{HOST}:{crowd.port}{path}", began + float(timeout_s) - time.monotonic()
                async with asyncio.timeout(left_s):
                    await ws_connect(
                        lambda: peer, url, enable_auto_pong=False, extra_headers=OFFER if crowd.deflate else {}
                    )
            except Exception as error:  # whatever it raises, this connection did not open, and the reply says why
                reasons.append(str(error).partition("\n")[0] or type(error).__name__)
                return False
            return True

    opened = sum(await asyncio.gather(*(one() for _ in range(int(count)))))
    return {"open": opened, "failed": int(count) - opened, "reason": reasons[-1]}


async def fanout(crowd: PicowsCrowd, count: str, interval_s: str, text_bytes: str, patience_s: str) -> Reply:
    """Broadcast, each time all clients have received the last broadcast."""
    last: list[float] = []
    every: list[float] = []
    crowd.every = every
    listeners, said, began = len(crowd.live(LISTENER)), 0, time.monotonic()
    while said < int(count) and len(last) == said:
        await asyncio.sleep(max(0.0, began + said * float(interval_s) - time.monotonic()))
        wanted, crowd.said_at = crowd.heard + len(crowd.live(LISTENER)), time.monotonic()
        said += 1
        if not say(crowd, int(text_bytes)):
            break
        if await heard(crowd, wanted, crowd.said_at + float(patience_s)):
            last.append(crowd.last_heard_at - crowd.said_at)
    crowd.every = None
    took_s = crowd.last_heard_at - began
    counts = {"said": said, "arrived": len(last), "listeners": listeners}
    return {**counts, "took_s": took_s, "last": samples(last), "every": samples(every)}


async def burst(crowd: PicowsCrowd, count: str, text_bytes: str, patience_s: str) -> Reply:
    """Broadcast everything at once."""
    listeners, began = len(crowd.live(LISTENER)), time.monotonic()
    said = sum(say(crowd, int(text_bytes)) for _ in range(int(count)))
    wanted = int(count) * listeners
    await heard(crowd, wanted, began + float(patience_s))
    return {"said": said, "listeners": listeners, "wanted": wanted, "took_s": crowd.last_heard_at - began}


async def echo(crowd: PicowsCrowd, per_s: str, seconds: str, patience_s: str, *words: str) -> Reply:
    """Have texts echoed at a steady rate."""
    echoers, text, began = crowd.live(ECHOER), " ".join(words).encode(), time.monotonic()
    count = int(float(per_s) * float(seconds)) if echoers else 0
    for said in range(count):
        await asyncio.sleep(max(0.0, began + said / float(per_s) - time.monotonic()))
        echoers[said % len(echoers)].asked_at.append(time.monotonic())
        echoers[said % len(echoers)].transport.send(WSMsgType.TEXT, text)
    await crowd.until(lambda: len(crowd.echoes) >= count, began + float(seconds) + float(patience_s))
    came, crowd.echoes = crowd.echoes, []
    return {"said": count, "echo": samples(came)}


async def settle(crowd: PicowsCrowd, quiet_s: str, timeout_s: str) -> Reply:
    """Wait until no client has received anything for a while."""
    began = time.monotonic()
    quiet = await crowd.until(
        lambda: time.monotonic() - max(began, crowd.last_heard_at) >= float(quiet_s), began + float(timeout_s)
    )
    return {"quiet": quiet}


async def drop(crowd: PicowsCrowd, kind: str) -> Reply:
    """Reset connections of one kind."""
    for peer in crowd.live(int(kind)):
        peer.dropped = True
        peer.transport.disconnect(graceful=False)
    return {}


async def mark(crowd: PicowsCrowd) -> Reply:
    """Begin a new count of connection ends."""
    ended = crowd.ends.total()
    crowd.ends.clear()
    crowd.codes.clear()
    crowd.first_close_at = 0.0
    return {"ended": ended}


async def closing(crowd: PicowsCrowd, timeout_s: str) -> Reply:
    """Wait until the server has closed all connections. A reset after the close frame counts as full here."""
    kinds = (LISTENER, ECHOER, SPEAKER)
    await crowd.until(lambda: not crowd.live(*kinds), time.monotonic() + float(timeout_s))
    ends = {name: crowd.ends[name] for name in ("full", "unclean", "without")}
    times = {"first_close_at": crowd.first_close_at, "last_end_at": crowd.last_end_at}
    return {"codes": crowd.codes, "left": len(crowd.live(*kinds)), **ends, **times}


async def heard(crowd: PicowsCrowd, wanted: int, patience_ends: float) -> bool:
    """Wait until `wanted` texts have arrived; False if patience ends first."""
    return await crowd.until(lambda: crowd.heard >= wanted, patience_ends)


def say(crowd: PicowsCrowd, text_bytes: int) -> bool:
    """Have the speaker send a text; False if there is no speaker."""
    for speaker in crowd.live(SPEAKER):
        speaker.transport.send(WSMsgType.TEXT, b"x" * text_bytes)
        return True
    return False


def samples(values: list[float]) -> Reply | None:
    """The same statistics of samples as in `client.c`."""
    if not values:
        return None
    values.sort()
    p50, p99, most = (values[math.ceil(part * len(values)) - 1] for part in (0.5, 0.99, 1.0))
    return {"count": len(values), "avg": sum(values) / len(values), "p50": p50, "p99": p99, "max": most}


async def obey(port: int, deflate: bool) -> None:
    """Carry out the commands on standard input, until it ends."""
    crowd, lines, loop = PicowsCrowd(port, deflate), asyncio.StreamReader(), asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    commands = {does.__name__: does for does in (connect, fanout, burst, echo, settle, drop, mark, closing)}
    while words := (await lines.readline()).decode().split():
        crowd.heard = 0
        began, cpu_before = time.monotonic(), cpu_s()
        reply = await commands[words[0]](crowd, *words[1:])
        cost = {"seconds": time.monotonic() - began, "cpu_s": cpu_s() - cpu_before, "frames": crowd.heard}
        print(json.dumps(reply | cost), flush=True)


def cpu_s() -> float:
    """The CPU time that this process has used until now."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    uvloop.run(obey(int(sys.argv[1]), sys.argv[2] == "1"))
