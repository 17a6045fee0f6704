"""What a connection is given: who it is, its bounds, and the conversation that it carries."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from ..messages.frame import Frame
from ..messages.wire import Form

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class Handler(Protocol):
    """What an endpoint makes of a client's messages."""

    def on_open(self) -> Sequence[Frame]:
        """What is said first. Called once, when the client is accepted; only now may it hear what others say."""

    async def on_message(self, text: str) -> None:
        """Carry out one message; the next one waits until this returns."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one connection, in bytes, messages and seconds."""

    outbox_bytes: int
    inbox_messages: int
    message_bytes: int
    close_timeout_s: float


class Identity(NamedTuple):
    """How a connection is known: its key in this process, its public name, whether the client chose that, its form."""

    number: int
    name: str
    named: bool
    form: Form
