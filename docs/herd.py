"""How long a herd waits: 10,000 clients have lost their host, and come back to one worker, each with its position.

    python -m docs.herd                                  # 10,000 clients, three runs, two minutes, two cores
    python -m docs.herd --clients 100 --runs 1 --window 1

Begins one host, has one message published after the position that all clients have, and lets them connect: all at once,
or at the moments that a drain advises, spread over `--window`. A client is back once it has heard `welcome`, `resumed`
and the message that it missed. Prints the table of docs/performance.md. Refuses to know how a connection is made.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

import httpx2
from websockets.asyncio.client import connect

from harness.load.clients import Clients, ClientsFailed
from harness.load.programs import DoesNotCompile, build
from harness.load.room import Cores, NoRoom, choose_cores, make_room, pinned
from harness.load.servers import KNOWN, Server
from harness.load.session import new_history
from harness.targets.target import Target, TargetFailed

NAMES = {"ebb-sansio": "uvicorn's class", "ebb": "Ebb's class"}
TEXTS, WITHIN_S, OTHERS = 3, 120.0, 64
DIGITS = {"last": 2, "p50": 1, "p99": 0}


async def herd(server: Server, clients: int, window_s: float, program: Path, cores: Cores) -> dict[str, float]:
    """Let one herd come back to one host: `last` in seconds, the waits in milliseconds.

    Raises ClientsFailed, also where not everybody came back.
    """
    async with AsyncExitStack() as running:
        target = Target(server.profile, new_history(server.profile), server.environment, {})
        with pinned(cores.server):
            await running.enter_async_context(target)
        async with connect(f"ws://127.0.0.1:{target.port}/ws", subprotocols=["ebb.v1"]) as one:  # type: ignore[list-item]
            welcome = json.loads(await one.recv())
        path = f"/ws?epoch={welcome['epoch']}&seq={welcome['seq']}"
        async with httpx2.AsyncClient() as http:
            missed = {"data": "while you were away"}
            (await http.post(f"http://127.0.0.1:{target.port}/broadcast", json=missed)).raise_for_status()
        many = await running.enter_async_context(Clients((str(program),), target.port, False, cores.clients))
        reply = await many.herd(clients, window_s, TEXTS, path, WITHIN_S)
    if reply["back"] != clients:
        raise ClientsFailed(f"{clients - reply['back']} of {clients} did not come back: {reply['reason'] or 'in time'}")
    return {"last": reply["last_s"], "p50": reply["each"]["p50"] * 1000, "p99": reply["each"]["p99"] * 1000}


async def compare(clients: int, runs: int, window_s: float) -> list[str]:
    """The rows of the table: medians of runs that take turns."""
    cores = choose_cores(os.sched_getaffinity(0), shared=False)
    make_room(clients + OTHERS)
    found: dict[tuple[str, float], list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory(prefix="ebb-herd-") as folder, pinned(cores.clients):
        programs = build(("client",), Path(folder))
        if not programs:
            raise NoRoom("there is no C compiler for the clients (cc, gcc, clang)")
        for run in range(1, runs + 1):
            for name in NAMES:
                for window in (0.0, window_s):
                    print(f"run {run} of {runs}: {name}, over {window:g} s", file=sys.stderr)
                    found.setdefault((name, window), []).append(
                        await herd(KNOWN[name], clients, window, programs["client"], cores)
                    )
    return [row(name, window, results) for (name, window), results in sorted(found.items(), key=lambda at: at[0][1])]


def row(name: str, window_s: float, results: Sequence[dict[str, float]]) -> str:
    """One line: how the clients came, until when all were back, and how long one waited."""
    how = f"over {window_s:g} s, as advised" if window_s else "all at once"
    cells = [NAMES[name], how]
    for figure, digits in DIGITS.items():
        values = [each[figure] for each in results]
        cells.append(
            f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f} to {max(values):,.{digits}f})"
        )
    return f"| {' | '.join(cells)} |"


def main() -> int:
    """Measure, and print. 2: it could not be measured."""
    parser = argparse.ArgumentParser(prog="python -m docs.herd", description=__doc__.partition("\n")[0])
    parser.add_argument("--clients", type=int, default=10_000, metavar="N", help="how many (default 10000)")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="how often, taking turns (default 3)")
    parser.add_argument("--window", type=float, default=30.0, metavar="S", help="of the advised moments (default 30)")
    asked = parser.parse_args()
    try:
        rows = asyncio.run(compare(asked.clients, asked.runs, asked.window))
    except KeyboardInterrupt:
        return 130
    except (ClientsFailed, DoesNotCompile, NoRoom, TargetFailed, OSError) as error:
        print(f"herd: {error}", file=sys.stderr)
        return 2
    print(f"| {asked.clients:,} clients | they come | all are back after, s | one waits, median, ms | p99, ms |")
    print("|---|---|---|---|---|")
    print("\n".join(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
