"""The sizes of a run, which are the same for every server.

Owns these sizes. Refuses to know servers and clients.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Plan:
    """The sizes of a run, the same for every server. Durations in seconds; 0 leaves a measurement out."""

    clients: int
    seconds: float = 5.0
    idle_s: float = 20.0
    echo_per_s: float = 1000.0
    deflate: bool = False

    @property
    def echoers(self) -> int:
        """How many connections share the steady rate of echoes."""
        return min(100, max(1, self.clients // 10))

    def broadcasts(self, frames: int) -> int:
        """How many broadcasts make about `frames` frames."""
        return min(1000, max(20, frames // self.clients))
