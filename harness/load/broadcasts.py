"""The fan-out of one server: single messages, a backlog, a stalled reader.

Owns what is broadcast, how often, and how the figures are computed. Refuses to know how the server was started.

Rules. When a broadcast does not reach all clients in time, its measurement ends. The stalled reader comes last, because
some servers do not survive it.
"""

from __future__ import annotations

from collections.abc import Callable

from ..targets.target import Target
from .clients import PATIENCE_S, STALLED, Clients, Reply
from .plan import Plan
from .servers import Server
from .usage import usage_of

TEXT_BYTES = 64
BROADCASTS_PER_S = 20
BACKLOG_WITHIN_S = 60.0
AWAITED_FRAMES, BACKLOG_FRAMES = 300_000, 500_000  # about so many frames, so that it takes a slow server only seconds
FILL = (12, 16384)  # broadcasts and bytes: more than the kernel and a transport keep, less than a slow consumer's limit
MOST_BUSY_PERCENT = 90


class Broadcasts:
    """One server with all its clients. The results go into `figures` and `notes`."""

    def __init__(
        self,
        server: Server,
        plan: Plan,
        target: Target,
        clients: Clients,
        figures: dict[str, float],
        notes: list[str],
        show_progress: Callable[[str], None],
    ) -> None:
        self._path = server.profile.ws
        self._plan = plan
        self._target = target
        self._clients = clients
        self._figures = figures
        self._notes = notes
        self._show_progress = show_progress

    async def measure(self) -> None:
        """Measure as much as possible. Raises ClientsFailed."""
        if await self._single():
            await self._backlog()
            await self._stall()

    async def _single(self) -> bool:
        """Single messages: each when the last one has arrived, then at a steady rate. False if they do not arrive."""
        plan = self._plan
        self._show_progress("fan-out")
        before = usage_of(self._target.pid).cpu_s
        reply = await self._clients.fanout(plan.broadcasts(AWAITED_FRAMES), 0.0, TEXT_BYTES, PATIENCE_S)
        if not self._all_arrived(reply):
            return False
        self._keep_rate("fanout", "client", reply, usage_of(self._target.pid).cpu_s - before)
        self._show_progress(f"fan-out, {BROADCASTS_PER_S} broadcasts a second")
        reply = await self._steadily()
        return self._all_arrived(reply) and self._keep_times("", reply)

    async def _steadily(self) -> Reply:
        count = max(1, round(self._plan.seconds * BROADCASTS_PER_S))
        return await self._clients.fanout(count, 1 / BROADCASTS_PER_S, TEXT_BYTES, PATIENCE_S)

    def _keep_rate(self, what: str, who: str, reply: Reply, cpu_s: float) -> None:
        """Frames a second, and the CPU a frame cost server and clients; note it if the clients were at their limit."""
        frames, took_s, clients_s = reply["frames"], reply["took_s"], reply["cpu_s"]
        self._figures[f"{what}_per_s"] = frames / took_s
        self._figures[f"{what}_cpu_us"] = cpu_s / frames * 1e6
        self._figures[f"{who}_us"] = clients_s / frames * 1e6
        self._figures[f"{who}_busy_percent"] = busy = 100 * clients_s / took_s
        if busy > MOST_BUSY_PERCENT:
            self._notes.append(
                f"{what}: the clients were busy for {busy:.0f} % of the time; it may be they who are slow"
            )

    def _keep_times(self, prefix: str, reply: Reply) -> bool:
        for figure, samples, percentile in (
            ("last", "last", "p50"),
            ("last", "last", "p99"),
            ("every", "every", "p99"),
        ):
            self._figures[f"{prefix}{figure}_{percentile}_ms"] = reply[samples][percentile] * 1e3
        return True

    def _all_arrived(self, reply: Reply, when: str = "") -> bool:
        if reply["said"] == reply["arrived"] > 0 and reply["listeners"]:
            return True
        within = f"within {PATIENCE_S:g} s"
        self._notes.append(f"broadcast {reply['arrived'] + 1}{when} did not reach everyone {within}: no more were sent")
        return False

    async def _backlog(self) -> None:
        self._show_progress("fan-out with a backlog")
        count, before = self._plan.broadcasts(BACKLOG_FRAMES), usage_of(self._target.pid).cpu_s
        reply = await self._clients.burst(count, TEXT_BYTES, BACKLOG_WITHIN_S)
        cpu_s = usage_of(self._target.pid).cpu_s - before
        if not reply["frames"] == reply["wanted"] > 0:
            self._notes.append(f"of {reply['wanted']} frames in a backlog {reply['frames']} arrived")
            return
        self._keep_rate("backlog", "client_backlog", reply, cpu_s)

    async def _stall(self) -> None:
        self._show_progress("fan-out with one stalled reader")
        reply = await self._clients.connect(STALLED, 1, self._path, PATIENCE_S)
        if reply["failed"]:
            self._notes.append(f"the stalled reader did not get in: {reply['reason']}")
            return
        when, percent = " with a stalled reader", 0.0
        if self._all_arrived(await self._clients.fanout(FILL[0], 0.0, FILL[1], PATIENCE_S), when):
            reply = await self._steadily()
            percent = 100 * reply["arrived"] / max(1.0, round(self._plan.seconds * BROADCASTS_PER_S))
            if self._all_arrived(reply, when) and self._keep_times("stalled_", reply):
                over = self._figures["stalled_every_p99_ms"] / self._figures["every_p99_ms"]
                self._figures["stalled_over_calm"] = over
        self._figures["stalled_arrived_percent"] = percent
        await self._clients.drop(STALLED)
        await self._clients.settle(0.5, PATIENCE_S)
