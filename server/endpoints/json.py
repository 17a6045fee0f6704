"""`/ws/json`: a client's JSON is echoed, or answered with what is wrong with it.

Owns the answers. Refuses to know the other clients: a client of this path is sent no broadcasts.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..connections.connection import Connection
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


def answer_to(text: str) -> Echo | NotDone:
    """Echo one message, or say what is wrong with it."""
    try:
        return Echo(echo=parse_chat(text).msg)
    except Malformed as error:
        return NotDone(detail=str(error))
