"""The numbered messages of the harness as they arrive: how their texts are read, and the columns that keep them.

Owns `Readings` and `Received`. Refuses to know connections, and whether the right messages arrived.

A message is the same text for every client that gets it, so it is parsed once. As columns, 1.5 million arrivals take
36 MB; as events they would take half a gigabyte.
"""

from __future__ import annotations

from array import array
from typing import Any, NamedTuple

from .dialects import read_json

MOST_KNOWN = 4096


class Said(NamedTuple):
    """Message `n` of the sender with this index, with its number `seq` in the log."""

    seq: int
    sender: int
    n: int


class Readings:
    """The latest numbered messages by their texts, and the names of the senders, whose indices the columns contain."""

    def __init__(self) -> None:
        self.senders: list[str] = []
        self.known: dict[bytes, Said] = {}

    def read(self, text: bytes) -> Said | None:
        """Read a text that is not known yet; None where it is not a numbered message."""
        envelope = read_json(text.decode(errors="replace"))
        data = envelope.get("data")
        if envelope.get("type") != "message" or not isinstance(data, dict):
            return None
        match envelope.get("seq"), data.get("s"), data.get("n"):
            case int(seq), str(sender), int(n):
                said = Said(seq, self._index_of(sender), n)
            case _:
                return None
        if len(self.known) >= MOST_KNOWN:
            self.known.clear()
        self.known[text] = said
        return said

    def _index_of(self, sender: str) -> int:
        if sender not in self.senders:
            self.senders.append(sender)
        return self.senders.index(sender)


class Received:
    """What arrived on one connection, in the order of arrival: columns of equal length."""

    def __init__(self) -> None:
        self.at = array("d")
        self.seq = array("q")
        self.sender = array("i")
        self.n = array("i")

    def add(self, t: float, said: Said) -> None:
        """Add a message that arrived at `t`."""
        self.at.append(t)
        self.seq.append(said[0])
        self.sender.append(said[1])
        self.n.append(said[2])

    @property
    def columns(self) -> dict[str, Any]:
        """The columns as they stand in an event."""
        return {"at": self.at, "seq": self.seq, "sender": self.sender, "n": self.n}
