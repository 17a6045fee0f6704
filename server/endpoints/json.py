"""`/ws/json`: a client's JSON is echoed, or answered with what is wrong with it.

Owns the answers. Refuses to know the other clients: a client of this path is sent no broadcasts.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..connections.connection import Connection
from ..limits.rate import Limited
from ..messages.frame import Frame
from ..messages.wire import Echo, Malformed, NotDone, parse_chat


class Json:
    """`{"action":"chat","msg":...}` is echoed; anything else is answered with what is wrong with it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def on_open(self) -> Sequence[Frame]:
        """Say nothing, and subscribe to nothing."""
        return ()

    def on_message(self, text: str) -> None:
        """Answer one message."""
        self._connection.offer(answer_to(text).frame())

    def on_limited(self, text: str, limited: Limited) -> Frame:  # noqa: ARG002  # it has no id
        """Say that its sender is too fast."""
        return NotDone(detail=f"rate_limited: {limited.detail}", retry_after_s=limited.retry_after_s).frame()


def answer_to(text: str) -> Echo | NotDone:
    """Echo one message, or say what is wrong with it."""
    try:
        return Echo(echo=parse_chat(text).msg)
    except Malformed as error:
        return NotDone(detail=str(error))
