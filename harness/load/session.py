"""One run of one server: started, filled with clients, measured, stopped.

Owns the order of the measurements, and how figures are computed from the clients' replies and /proc. Refuses to know
the other runs.

Rules. Everything is bounded in time. Memory is read before and after the listeners connect; the speaker and the echoers
are connected before that, so that memory allocated for a first connection is not counted.
"""

from __future__ import annotations

import asyncio
import re
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..history.record import History
from ..history.terms import Terms
from ..targets.declaration import Profile
from ..targets.target import Target
from .broadcasts import Broadcasts
from .clients import ECHOER, LISTENER, PATIENCE_S, SPEAKER, Clients, Reply
from .plan import Plan
from .servers import Server
from .usage import usage_of

CONNECT_WITHIN_S, CLOSE_WITHIN_S, EXIT_WITHIN_S = 60.0, 30.0, 15.0
SEND_LOOP = re.compile(r"limit: ([\d.]+) us a frame")


class Session:
    """A server with its clients. The results are in `figures`, `codes` and `notes`."""

    def __init__(self, server: Server, plan: Plan, show_progress: Callable[[str], None]) -> None:
        self.figures: dict[str, float] = {}
        self.codes: Mapping[str, int] = {}
        self.notes: list[str] = []
        self._server = server
        self._plan = plan
        self._show_progress = show_progress

    async def measure(self, target: Target, clients: Clients) -> None:
        """Measure everything, and stop the server. Raises ClientsFailed."""
        self._target, self._clients = target, clients
        await self._arrive()
        await self._stay_idle()
        await self._echo()
        await Broadcasts(
            self._server, self._plan, target, clients, self.figures, self.notes, self._show_progress
        ).measure()
        self.figures["rss_bytes"] = usage_of(target.pid).rss_bytes
        await self._close()

    async def _arrive(self) -> None:
        plan, server = self._plan, self._server
        self._show_progress(f"{plan.clients} handshakes")
        refused = await self._connect(SPEAKER, 1, server.profile.ws)
        if server.echo is not None:
            refused += await self._connect(ECHOER, plan.echoers, server.echo)
            await self._clients.echo(plan.echoers, 1.0, PATIENCE_S, server.echo_text)
        before = usage_of(self._target.pid)
        reply = await self._clients.connect(LISTENER, plan.clients, server.profile.ws, CONNECT_WITHIN_S)
        refused += self._note_refusals(reply)
        await self._clients.settle(0.5, PATIENCE_S)
        after = usage_of(self._target.pid)
        self.figures["errors"] = refused
        if reply["open"]:
            self.figures["handshakes_per_s"] = reply["open"] / reply["seconds"]
            self.figures["bytes_per_connection"] = (after.pss_bytes - before.pss_bytes) / reply["open"]

    async def _connect(self, kind: int, count: int, path: str) -> int:
        return self._note_refusals(await self._clients.connect(kind, count, path, CONNECT_WITHIN_S))

    def _note_refusals(self, reply: Reply) -> int:
        failed = int(reply["failed"])
        if failed:
            self.notes.append(f"{failed} connections did not open: {reply['reason'] or 'no answer in time'}")
        return failed

    async def _stay_idle(self) -> None:
        if self._plan.idle_s:
            self._show_progress(f"idle for {self._plan.idle_s:g} s")
            before, began = usage_of(self._target.pid).cpu_s, time.monotonic()
            await asyncio.sleep(self._plan.idle_s)
            used_s = usage_of(self._target.pid).cpu_s - before
            self.figures["idle_cpu_percent"] = 100 * used_s / (time.monotonic() - began)

    async def _echo(self) -> None:
        if self._server.echo is None or not self._plan.echo_per_s:
            return
        plan = self._plan
        self._show_progress(f"{plan.echo_per_s:g} echoes a second")
        reply = await self._clients.echo(plan.echo_per_s, plan.seconds, PATIENCE_S, self._server.echo_text)
        came = reply["echo"]["count"] if reply["echo"] else 0
        if came < int(plan.echo_per_s * plan.seconds):
            self.notes.append(f"{came} of {plan.echo_per_s * plan.seconds:.0f} texts were echoed")
        elif came:
            self.figures |= {f"echo_{name}_us": reply["echo"][name] * 1e6 for name in ("avg", "p99")}

    async def _close(self) -> None:
        self._show_progress("closing all")
        ended = (await self._clients.mark())["ended"]
        self.figures["errors"] += ended
        if ended:
            self.notes.append(f"{ended} connections were closed before anybody told it to stop")
        stopped_at = time.monotonic()
        self._target.signal(signal.SIGTERM)
        reply = await self._clients.closing(CLOSE_WITHIN_S)
        there_were = reply["full"] + reply["without"] + reply["left"] + reply["unclean"]
        self.codes = reply["codes"]
        if reply["left"]:
            self.notes.append(f"{reply['left']} connections were not closed within {CLOSE_WITHIN_S:g} s")
        elif there_were:
            self.figures["close_all_s"] = reply["last_end_at"] - stopped_at
            if reply["first_close_at"]:
                self.figures["closing_s"] = reply["last_end_at"] - reply["first_close_at"]
        if there_were:
            self.figures["closed_full_percent"] = 100 * reply["full"] / there_were
        if not await self._target.until_exit(EXIT_WITHIN_S):
            self.notes.append(f"it had not exited {EXIT_WITHIN_S:g} s after the last close: killed")
            await self._target.kill()
        self._find_send_loop()

    def _find_send_loop(self) -> None:
        lines: list[dict[str, Any]] = [event.detail for event in self._target.history.events if event.what == "line"]
        found = [match for line in lines if (match := SEND_LOOP.match(line["text"]))]
        if found:
            self.figures["send_loop_us"] = float(found[-1][1])


def new_history(profile: Profile) -> History:
    """A history for a target that is not judged."""
    return History(Terms(profile, 0.0, None, 0.0, None))
