"""How much one connection may take before anybody is asked: its bounds, and who is told that one was met. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..limits.rate import Rate


@dataclass(frozen=True, slots=True)
class Bounds:
    """The bounds of each connection, in bytes, headers, frames and seconds. `message_bytes`: None is uvicorn's own.

    `head_s` is from the first byte of a request to the end of its headers, `body_s` from there to the end of its body;
    `close_s` is for the answer to our close frame, and for what is still to be read when a connection ends.
    `control` is the rate of pings, and of pongs that nobody asked for.
    """

    message_bytes: int | None = None
    head_bytes: int = 8192
    headers: int = 64
    head_s: float = 5.0
    body_s: float = 10.0
    close_s: float = 10.0
    control: Rate = field(default_factory=lambda: Rate(10, 50))


# Is told the reason, who it was, and the detail.
Count = Callable[[str, str, str], None]


def not_counted(reason: str, who: str, detail: str) -> None:
    """Count nothing."""
