"""What leaves for a connection: everything that was offered in one turn of the event loop, in one write.

Owns what is pending. What everyone is sent in a turn is one batch, joined once and written to each connection by the
loop in `lane`. A connection that is sent something of its own, or left out of something, is detached from that loop for
the turn and has a list of its own. Several messages for a client leave together, and none waits for another: measured 2
to 3 times the rate under backlog, and nothing lost on a single message. Where the transport joins the writes of a turn
by itself, as uvloop's does, what a connection is sent alone is written at once: measured, an echo is a tenth sooner.
Refuses to know what a message says, and how a connection is closed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping, Sequence

from ..durations import Durations
from ..messages.frame import Batch, Frame
from ..messages.wire import Form
from .lane import Lane, Output


class Outgoing:
    """What leaves for one connection, in its form. It is `open` until the connection is closed.

    `subscribed`: it is sent what everyone is sent. `overflowed` is called, once, with how full the backlog is when the
    client has missed a frame: it must close the connection.
    """

    __slots__ = ("_broadcaster", "_overflowed", "_pending", "_writes_at_once", "form", "open", "output", "subscribed")

    def __init__(self, broadcaster: Broadcaster, form: Form, overflowed: Callable[[str], None]) -> None:
        self.form = form
        self.open = True
        self.subscribed = False
        self.output: Output | None = None
        self._writes_at_once = False
        self._overflowed = overflowed
        self._broadcaster = broadcaster
        # None: attached to the broadcasts' loop. A connection that is not accepted yet, or closed, is never attached.
        self._pending: list[Frame] | None = []

    def begin(self, output: Output, first: Sequence[Frame]) -> None:
        """Begin to write: `first`, then what was offered before the connection was accepted."""
        self.output = output
        self._writes_at_once = output.joins_writes
        frames = [*first, *(self._pending or ())]
        if self._broadcaster.has_batch or (frames and not self._writes_at_once):
            self._pending = frames
            self._broadcaster.look_after(self)
        else:
            self._pending = []
            if frames:
                self._write(frames)
            self._attach()

    def subscribe(self) -> None:
        """Be sent what everyone is sent from now on, and nothing of what was offered earlier in this turn."""
        self.detach()
        self.subscribed = True

    def detach(self) -> list[Frame]:
        """Leave the broadcasts' loop for this turn; returns what is pending, to which frames may be added."""
        if self._pending is None:
            self._pending = self._broadcaster.detach(self)
        return self._pending

    def offer(self, frame: Frame) -> None:
        """Send one frame, after all that was offered before it, and never wait. Nothing is sent once it is closed."""
        if self._pending is None and self._writes_at_once and not self._broadcaster.has_batch:
            self._write((frame,))
            self._broadcaster.note(self)
        elif self.open:
            self.detach().append(frame)

    def flush(self) -> None:
        """Write what was offered so far."""
        if self._pending is None and not self._broadcaster.has_batch:
            return
        frames = self.detach()
        if self.output is not None and frames:
            self._pending = []
            self._write(frames)

    def _write(self, frames: Sequence[Frame]) -> None:
        assert self.output is not None
        if (full := self.output.write(Batch.of(frames))) is None:
            self._broadcaster.sent += len(frames)
        else:
            self.overflow(full)

    def overflow(self, full: str) -> None:
        """Note that the client reads too slowly: it has missed a frame, and `full` waits for it."""
        if self.open:
            self._broadcaster.slow_consumers += 1
            self._overflowed(full)

    @property
    def waiting_bytes(self) -> int:
        """How much was written and waits for the client to read."""
        return self.output.waiting_bytes if self.output is not None else 0

    @property
    def ready(self) -> bool:
        """Whether a close frame could be sent without waiting at all."""
        return self.output is not None and self.output.ready

    async def flushed(self) -> None:
        """Return when the client has read so much that a close frame can follow, or when it is gone."""
        if self.output is not None:
            await self.output.flushed()

    def attach_again(self) -> None:
        """Write what is pending, and go back to the broadcasts' loop; at the end of a turn."""
        self.flush()
        self._attach()

    def _attach(self) -> None:
        if self.open:
            self._pending = None
            if self.subscribed:
                self._broadcaster.attach(self)

    def shut(self) -> None:
        """Take no more frames."""
        self.open = False
        if self._pending is None:
            self._pending = []
            self._broadcaster.leave(self)

    def end(self) -> None:
        """Forget what waits: the connection is gone."""
        if self.output is not None:
            self.output.end()


class Broadcaster:
    """What everyone was offered in this turn of the event loop, and which connections have something of their own.

    `sent` counts messages, once for each client to which one was written; `fanout` how long each broadcast took until
    it was: of those in one turn all count from the first one's offer to the last write.
    """

    def __init__(self) -> None:
        self.slow_consumers = self.sent = 0
        self.fanout = Durations()
        self._broadcasts = 0
        self._began_at = 0.0
        self._scheduled = False
        self._batch: list[Mapping[Form, Frame]] = []
        self._detached: list[Outgoing] = []
        self._lanes = {form: Lane() for form in Form}

    def offer_some(self, audience: Iterable[Outgoing], but: Outgoing | None, forms: Mapping[Form, Frame]) -> None:
        """Offer one message to an audience without its sender, to each in its form."""
        self._note_broadcast()
        self._offer(audience, but, forms)

    def offer_everyone(self, but: Outgoing | None, forms: Mapping[Form, Frame]) -> None:
        """Offer one message to everyone without its sender, to each in its form."""
        self._note_broadcast()
        if but is not None:
            but.detach()
        self._offer([each for each in self._detached if each.subscribed], but, forms)
        self._batch.append(forms)

    @staticmethod
    def _offer(audience: Iterable[Outgoing], but: Outgoing | None, forms: Mapping[Form, Frame]) -> None:
        for each in audience:
            if each is not but:
                each.offer(forms[each.form])

    # ---- What `Outgoing` asks ----

    @property
    def has_batch(self) -> bool:
        """Whether something waits for the end of this turn that everyone is sent."""
        return bool(self._batch)

    def attach(self, outgoing: Outgoing) -> None:
        """Send a connection what everyone is sent, by the loop."""
        self._lanes[outgoing.form].enter(outgoing)

    def note(self, outgoing: Outgoing) -> None:
        """Note that something was written to a connection that may be in the loop."""
        if outgoing.subscribed:
            self._lanes[outgoing.form].note(outgoing)

    def leave(self, outgoing: Outgoing) -> None:
        """Take a connection out of the loop."""
        self._lanes[outgoing.form].leave(outgoing)

    def detach(self, outgoing: Outgoing) -> list[Frame]:
        """Take a connection out of the loop for this turn; returns what everyone was sent in it before."""
        self.leave(outgoing)
        self.look_after(outgoing)
        return [forms[outgoing.form] for forms in self._batch] if outgoing.subscribed else []

    def look_after(self, outgoing: Outgoing) -> None:
        """Have a connection write what is pending at the end of this turn."""
        self._schedule()
        self._detached.append(outgoing)

    def _note_broadcast(self) -> None:
        self._schedule()
        if not self._broadcasts:
            self._began_at = time.perf_counter()
        self._broadcasts += 1

    def _schedule(self) -> None:
        """Flush before the event loop looks at its sockets again."""
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        self._scheduled = False
        detached, self._detached = self._detached, []
        messages, self._batch = self._batch, []
        for form, lane in self._lanes.items():
            if messages and lane:
                lane.write(Batch.of([forms[form] for forms in messages]))
                self.sent += len(messages) * len(lane)  # those that overflowed have left it
        for outgoing in detached:
            outgoing.attach_again()
        if self._broadcasts:
            self.fanout.add(time.perf_counter() - self._began_at, self._broadcasts)
            self._broadcasts = 0
