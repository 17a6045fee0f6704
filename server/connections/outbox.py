"""The bounded backlog of one client.

Owns the frames that wait for a client which reads more slowly than it is sent to, in order, with a limit in
bytes. Refuses to know how frames are written, and what happens to a client whose outbox overflows: the caller
closes it with 1008 `slow consumer`.

Rules: frames leave in the order in which they were offered; a frame that does not fit is not kept, and changes nothing.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum

from ..messages.frame import Frame


class Offer(StrEnum):
    """What became of a frame that was offered."""

    KEPT = "kept"
    OVERFLOW = "overflow"


class Outbox:
    """Frames that wait for one client, at most `limit_bytes` bytes of them."""

    __slots__ = ("_frames", "backlog_bytes", "limit_bytes")

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.backlog_bytes = 0
        self._frames: deque[tuple[Frame, float]] = deque()

    def __len__(self) -> int:
        return len(self._frames)

    def offer(self, frame: Frame, now: float) -> Offer:
        """Keep `frame` for the client, or answer OVERFLOW and leave everything as it was.

        A frame larger than the limit is kept when nothing waits before it: the limit is on the backlog.
        `now` is in seconds, monotonic. After OVERFLOW the caller must close the client: it has missed a frame.
        """
        if self._frames and self.backlog_bytes + frame.size > self.limit_bytes:
            return Offer.OVERFLOW
        self._frames.append((frame, now))
        self.backlog_bytes += frame.size
        return Offer.KEPT

    def take(self) -> Frame:
        """Hand out the oldest frame. Raises IndexError when nothing waits."""
        frame, _ = self._frames.popleft()
        self.backlog_bytes -= frame.size
        return frame

    def clear(self) -> None:
        """Forget everything that waits."""
        self._frames.clear()
        self.backlog_bytes = 0

    def describe(self, now: float) -> str:
        """Say how full it is: `1048576 of 1048576 bytes, oldest 3.2 s`."""
        oldest_s = now - self._frames[0][1] if self._frames else 0.0
        return f"{self.backlog_bytes} of {self.limit_bytes} bytes, oldest {oldest_s:.1f} s"
