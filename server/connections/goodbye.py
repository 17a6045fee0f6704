"""How we close a connection."""

from __future__ import annotations

from dataclasses import dataclass

from ..messages.close_codes import MEANINGS, CloseCode
from .asgi import Message


@dataclass(slots=True)
class Goodbye:
    """Our close: with which code and reason, until when (in the loop's time), and whether it was sent."""

    code: CloseCode
    reason: str
    until: float
    said: bool = False

    @classmethod
    def with_code(cls, code: CloseCode, reason: str | None, until: float) -> Goodbye:
        """A close with the reason that its code has by itself, where there is no other."""
        return cls(code, MEANINGS[code].reason if reason is None else reason, until)

    @property
    def message(self) -> Message:
        """The close as ASGI sends it."""
        return {"type": "websocket.close", "code": int(self.code), "reason": self.reason}
