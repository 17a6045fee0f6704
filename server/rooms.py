"""Which members get a message.

Owns the membership of rooms. Synchronous: between looking up an audience and writing to it nothing can join or
leave, so it cannot race. Refuses to know what a member is (any hashable), how it is reached and what it is sent.

Rules: a message without a room is for everyone; a message in a room is for its members, who need not be among
everyone, and costs in proportion to them; every audience is listed in the order in which its members entered.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable
from typing import Generic, TypeVar

Member = TypeVar("Member", bound=Hashable)


class Fanout(Generic[Member]):
    """Members and the rooms that they are in."""

    def __init__(self) -> None:
        self._everyone: dict[Member, None] = {}
        self._rooms_of: dict[Member, set[str]] = {}
        self._members_of: dict[str, dict[Member, None]] = {}

    def enter(self, member: Member) -> None:
        """Count `member` among everyone. Entering twice is the same as once."""
        self._everyone[member] = None

    def rooms_of(self, member: Member) -> list[str]:
        """The rooms that `member` is in."""
        return list(self._rooms_of.get(member, ()))

    def join(self, member: Member, room: str) -> None:
        """Put a member into a room."""
        self._rooms_of.setdefault(member, set()).add(room)
        self._members_of.setdefault(room, {})[member] = None

    def leave(self, member: Member, room: str) -> None:
        """Take a member out of a room; it stays among everyone. Nothing happens if it was not in there."""
        self._rooms_of.get(member, set()).discard(room)
        self._forget(member, room)

    def drop(self, member: Member) -> None:
        """Take a member out of everything. Nothing happens if it is not there."""
        self._everyone.pop(member, None)
        for room in self._rooms_of.pop(member, ()):
            self._forget(member, room)

    def audience(self, room: str | None = None) -> Collection[Member]:
        """Return the members that get a message for `room`; None: everyone, as of whenever it is looked at.

        No member may join or leave while it is iterated.
        """
        return self._everyone if room is None else self._members_of.get(room, {})

    def _forget(self, member: Member, room: str) -> None:
        members = self._members_of.get(room, {})
        members.pop(member, None)
        if not members:
            self._members_of.pop(room, None)
