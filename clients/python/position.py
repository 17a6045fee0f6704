"""Where a client is in the log: from where it resumes, and which messages it has already.

Owns the position and its three ways on: a welcome, a message, a gap. Pure. Refuses to know connections.

Rule. Every connection delivers its messages in order and without a hole from where it began. So a number up to the
client's own is a message that it has, and a number above it is the next one, whichever connection it comes on.
"""

from __future__ import annotations


class LogPosition:
    """The epoch of the log, empty before the first welcome, and the number up to which the client has everything."""

    def __init__(self) -> None:
        self.epoch = ""
        self.seq = 0

    @property
    def resume_from(self) -> tuple[str, int] | None:
        """What a handshake resumes from; None before the first welcome."""
        return (self.epoch, self.seq) if self.epoch else None

    def begin(self, epoch: str, seq: int) -> None:
        """Take the server's position: the client has heard nothing yet."""
        self.epoch, self.seq = epoch, seq

    def reach(self, seq: int) -> bool:
        """Go on to a number; False when the client was there already."""
        if seq <= self.seq:
            return False
        self.seq = seq
        return True

    def jump(self, epoch: str, following: int) -> bool:
        """Go on with number `following` of `epoch`; False when nothing was lost on the way."""
        if epoch != self.epoch:
            self.epoch, self.seq = epoch, following - 1
            return True
        return self.reach(following - 1)
