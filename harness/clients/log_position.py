"""Where a client stands in the log: what it tells a server when it comes back.

Owns the rules of a position: the epoch of the last `welcome` or `gap`, and the highest number had in it. Refuses to
know connections: several of one client may stand at once, and whatever any of them brings moves it.

Every connection brings its messages in order and without a hole from where it began, so that a number below the highest
one is a message that the client has, and one above it is the next that it has not.
"""

from __future__ import annotations


class Place:
    """A position, `epoch` empty as long as no server has named one."""

    def __init__(self) -> None:
        self.epoch = ""
        self.seq = 0
        self.applied = 0

    @property
    def position(self) -> tuple[str, int] | None:
        """The epoch and the number; None before the first `welcome`."""
        return (self.epoch, self.seq) if self.epoch else None

    @property
    def query(self) -> str:
        """The same as a handshake carries it."""
        return f"?epoch={self.epoch}&seq={self.seq}" if self.epoch else ""

    def welcome(self, epoch: str, seq: int) -> None:
        """A server has said where its log stands: a newcomer begins there, others stay where they are."""
        if not self.epoch:
            self.epoch, self.seq = epoch, seq

    def reach(self, epoch: str, seq: int) -> None:
        """A message has come; it is applied unless the client has it, or it is of an epoch that is over."""
        if seq > self.seq and epoch == self.epoch:
            self.seq = seq
            self.applied += 1

    def gap(self, epoch: str, following: int) -> None:
        """What came before number `following` of `epoch` is not to be had."""
        if epoch != self.epoch:
            self.epoch, self.seq = epoch, following - 1
        self.seq = max(self.seq, following - 1)
