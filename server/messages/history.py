"""What is published, and what was published lately: the last messages of the log, for clients that resume.

Owns what brokers store and hand on; how a message is encoded, once for each form (plain text, envelope), however many
clients read it; the bound of the history, in messages and in bytes; and what is evicted when it is full. Refuses to
know clients and brokers: a client that resumes is sent what was for it (see `hub`).

One sender cannot push the others out: while any sender has more than its share, the oldest message of such senders is
evicted, and else the oldest of all. So there are holes, and for whom they were is remembered: who resumes is told of a
gap only where something for it may be missing. Measured before: 10,100 messages to an empty room, sent in 0.6 s, cost
everybody all of theirs.
"""

from __future__ import annotations

import json
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import islice
from operator import attrgetter
from sys import getsizeof
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict
from pydantic_core import to_json

from .frame import Frame
from .wire import Envelope, Form, Malformed, looks_official

# Of one message, beside its text and its names: the tuple, its number, its places here and in its sender's list, and
# the share of a sender of its own. Measured, and rounded up.
OVERHEAD_BYTES = 512
AUDIENCES = 10_000  # for whom holes are known apart; those of more are everybody's

by_number = attrgetter("seq")


class TooLarge(Malformed):
    """A message that is too large to be published: `size` bytes as JSON, where `limit` are allowed."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"data of {size} bytes as JSON, limit {limit}")


def check_size(data: Any, limit: int) -> None:
    """Raise TooLarge for data of more than `limit` bytes as JSON. What is no JSON fails later, when it is encoded."""
    if isinstance(data, str) and 6 * len(data) + 2 <= limit:  # no character takes more
        return
    try:
        size = len(to_json(data))
    except ValueError:
        return
    if size > limit:
        raise TooLarge(size, limit)


class Post(BaseModel):
    """What is published: for one client (`to`, its name), for a room, or for everyone; never for its sender.

    `named`: the sender chose its own name (`/ws/{client_id}`), which plain clients then read before its text, and by
    which it is left out wherever it is connected. `origin` is the process and the connection that it came from. `key`:
    whatever has the same one is applied once.
    """

    model_config = ConfigDict(frozen=True)

    data: Any
    at: datetime
    room: str | None = None
    to: str | None = None
    sender: str | None = None
    named: bool = False
    origin: tuple[str, int] | None = None
    key: str | None = None


class Message(NamedTuple):
    """A post that has its place in the log. Numbers begin with 1."""

    seq: int
    post: Post

    def encode(self, form: Form) -> Frame:
        """Encode for all clients of one form: the whole envelope, or text as it is and other data as JSON text.

        A text that could be taken for the server's own word is quoted, as a JSON string.
        """
        post = self.post
        if form is Form.ENVELOPE:
            envelope = Envelope(seq=self.seq, room=post.room, sender=post.sender, data=post.data, at=post.at)
            return envelope.frame()
        text = post.data if isinstance(post.data, str) else json.dumps(post.data, ensure_ascii=False)
        if post.named:
            return Frame.of(f"Client {post.sender}: {text}")
        return Frame.of(json.dumps(text, ensure_ascii=False) if looks_official(text) else text)


class StoredMessage(NamedTuple):
    """One message: its number, whom it was for, who sent it (None: the server), and the envelope as bytes.

    A text would take up to four bytes a character: one emoji in it is enough.
    """

    seq: int
    room: str | None
    to: str | None
    sender: str | None
    wire: bytes

    @property
    def bytes(self) -> int:
        """How much memory it takes."""
        names = getsizeof(self.room) + getsizeof(self.to) + getsizeof(self.sender)
        return OVERHEAD_BYTES + getsizeof(self.wire) + names

    def frame(self) -> Frame:
        """The envelope, to be sent."""
        return Frame(self.wire)


class Share:
    """What is kept of one sender: the numbers, in order, and how much memory they take."""

    __slots__ = ("bytes", "seqs")

    def __init__(self) -> None:
        self.seqs: list[int] = []
        self.bytes = 0


class History:
    """The last messages, at most `limit` and at most `limit_bytes`. `last` is the newest number, or 0.

    `share`: the part of both that nobody can take from a sender that has no more, above 0 to 1. `evicted` counts what
    had to go: `share`, for its sender had more than that, or `full`.
    """

    def __init__(self, limit: int, limit_bytes: int, share: float = 1.0) -> None:
        self.last = 0
        self.bytes = 0
        self.evicted = {"full": 0, "share": 0}
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._share = limit * share
        self._share_bytes = limit_bytes * share
        self._kept: deque[StoredMessage] = deque()
        self._shares: dict[str | None, Share] = {}
        self._over: dict[str | None, Share] = {}  # those above theirs: 40 at most where it is a twentieth
        self._lost = 0  # up to here anything may be lost, whomever it was for
        self._lost_to: dict[int, int] = {}  # by audience: the same

    def add(self, stored: StoredMessage) -> None:
        """Keep one more. Raises ValueError for a number that is not the next one."""
        if stored.seq != self.last + 1:
            raise ValueError(f"number {stored.seq} after {self.last}")
        self.last = stored.seq
        self._kept.append(stored)
        if (share := self._shares.get(stored.sender)) is None:
            share = self._shares[stored.sender] = Share()
        share.seqs.append(stored.seq)
        self._count(stored.sender, share, stored.bytes)
        while len(self._kept) > self._limit or self.bytes > self._limit_bytes:
            self._evict()

    def begin_after(self, number: int) -> None:
        """Forget everything: the next message is `number` + 1."""
        for each in (self._kept, self._shares, self._over, self._lost_to):
            each.clear()
        self.bytes = 0
        self.last = self._lost = number

    def skip(self, number: int) -> None:
        """Go on after `number`, which is not behind: what comes before is lost, and what is kept stays."""
        self.last = self._lost = number

    def lost_for(self, name: str, rooms: Iterable[str]) -> int:
        """The number up to which something may be lost that was for everyone, for this name or for one of these rooms.

        Whoever is further has lost nothing.
        """
        if not self._lost_to:
            return self._lost
        audiences = (audience(None, None), audience(None, name), *(audience(room, None) for room in rooms))
        return max(self._lost, *(self._lost_to.get(each, 0) for each in audiences))

    def after(self, number: int, limit_bytes: int | None = None) -> Sequence[StoredMessage]:
        """List what is kept and came after `number`, oldest first; stop at `limit_bytes` of frames, or over."""
        found: list[StoredMessage] = []
        size = 0
        for stored in self._newest(len(self._kept) - bisect_right(self._kept, number, key=by_number)):
            if limit_bytes is not None and size >= limit_bytes:
                break
            found.append(stored)
            size += len(stored.wire)
        return found

    def _newest(self, count: int) -> Iterable[StoredMessage]:
        """The last `count`, oldest first, from the end from which the way is shorter: most clients miss little."""
        if 2 * count > len(self._kept):
            return islice(self._kept, len(self._kept) - count, None)
        return reversed(list(islice(reversed(self._kept), count)))

    def _evict(self) -> None:
        gone = self._kept[0]
        if self._over and (oldest := min([share.seqs[0] for share in self._over.values()])) != gone.seq:
            place = bisect_left(self._kept, oldest, key=by_number)
            gone = self._kept[place]
            del self._kept[place]
        else:
            self._kept.popleft()
        self.evicted["share" if self._over else "full"] += 1
        share = self._shares[gone.sender]
        share.seqs.pop(0)
        self._count(gone.sender, share, -gone.bytes)
        self._note_loss(gone)

    def _count(self, sender: str | None, share: Share, change: int) -> None:
        self.bytes += change
        share.bytes += change
        if len(share.seqs) > self._share or share.bytes > self._share_bytes:
            self._over[sender] = share
        else:
            self._over.pop(sender, None)
            if not share.seqs:
                del self._shares[sender]

    def _note_loss(self, gone: StoredMessage) -> None:
        whose = audience(gone.room, gone.to)
        self._lost_to[whose] = max(gone.seq, self._lost_to.pop(whose, 0))
        if len(self._lost_to) > AUDIENCES:
            self._lost = max(self._lost, self._lost_to.pop(next(iter(self._lost_to))))


def audience(room: str | None, to: str | None) -> int:
    """Tell audiences apart in little memory. Of two that are taken for one each hears of the other's losses, too."""
    return hash((None, to) if to is not None else (room, None))
