"""What a connection is given at its beginning: who its client is, its bounds, and what is done with its messages."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from ..access.identity import ANYBODY, Identity
from ..limits.meters import Meters
from ..limits.rate import Limited
from ..limits.tally import Tally
from ..messages.frame import Frame
from ..messages.wire import Form


class Handler(Protocol):
    """What an endpoint does with a client's messages."""

    def on_open(self) -> Sequence[Frame]:
        """Return what is said first. Called once, when the client is accepted; only now may it subscribe."""

    def on_message(self, text: str) -> Awaitable[None] | None:
        """Carry out one message; the next one waits until that is done. None: it is."""

    def on_limited(self, text: str, limited: Limited) -> Frame:
        """Word that a message is not carried out, because its sender is too fast."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one connection, in bytes, messages and seconds; `meters`: those of the rates, None for none.

    `name_bytes` is that of each name that its client says.
    """

    outbox_bytes: int
    inbox_messages: int
    message_bytes: int
    close_timeout_s: float
    meters: Meters | None = None
    name_bytes: int = 128
    tally: Tally = field(default_factory=Tally)


class Caller(NamedTuple):
    """How a connection is known: its key in this process, its public name, whether the client chose that, its form.

    `identity`: who was let in, and what it may do.
    """

    number: int
    name: str
    named: bool
    form: Form
    identity: Identity = ANYBODY
