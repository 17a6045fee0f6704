"""What somebody may do: names, rooms and sessions, until when. Pure.

Each bound is None for no bound, or what is allowed; `tea*` allows whatever begins with `tea`.
"""

from __future__ import annotations

from dataclasses import dataclass

Bound = tuple[str, ...] | None

CLASS_ROOMS = "class:"  # the rooms that only sessions enter, each that of its class


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody who was let in. `expires_at` is in Unix seconds; None: never."""

    subject: str
    names: Bound = None
    rooms: Bound = None
    sessions: Bound = None
    expires_at: float | None = None

    @property
    def speaker(self) -> str | None:
        """In whose name it speaks over HTTP; None: in the server's, for it may have any name."""
        return None if self.names is None else self.subject

    def may_be_called(self, name: str) -> bool:
        """Whether it may connect as `/ws/{name}`."""
        return _within(self.names, name)

    def may_enter(self, room: str) -> bool:
        """Whether it may be in a room, and speak there."""
        return _within(self.rooms, room)

    def may_join(self, room: str) -> bool:
        """Whether it may ask for a room by its name: not for that of a class."""
        return not room.startswith(CLASS_ROOMS) and self.may_enter(room)

    def may_open(self, session: str) -> bool:
        """Whether it may open `/ws/session/{session}`."""
        return _within(self.sessions, session)


ANYBODY = Identity("anybody")


def _within(bound: Bound, name: str) -> bool:
    if bound is None:
        return True
    return any(name.startswith(each[:-1]) if each.endswith("*") else name == each for each in bound)
