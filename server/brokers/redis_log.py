"""The log in Redis or Valkey: one stream, its number and its epoch.

Owns the keys, what an entry looks like, and the commands with which everybody looks at the log, reads it and adds to it
(the scripts are in `redis_scripts`). An entry's id is `<number>-0`; it holds the epoch (`e`) in which it was numbered,
the post (`m`) as JSON, and to whom it is charged (`s`). One sender cannot push the others out of it. The keys of one
owner are a sorted set: marks, by the numbers of their posts. A number above the newest is of an earlier log.

A log begins with 1 and has one epoch for as long as it lives. It ends, and another one begins, as soon as somebody
finds that it is not what it was: a part of it is missing, or it is behind what was seen of it (a server that was
started again with older data), or has another entry where we have read one. So no number of an epoch is ever given
twice. Confessed: where nobody is left who saw what an older copy does not hold, nobody can tell.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

from pydantic import ValidationError

from ..messages.history import Post
from ..messages.keys import parts_of
from .keys import KEYS_PER_NAME
from .redis_scripts import ADD, NEXT, PAGE

LOG, SEQ, EPOCH, KEYS_OF = "{ebb}:log", "{ebb}:seq", "{ebb}:epoch", "{ebb}:keys:"
COSTS, OVER, SENT = "{ebb}:costs", "{ebb}:over", "{ebb}:sent:"  # what is kept of each sender
KEYS_S = 600  # for which the keys of an owner are known after the last one
LEAST_KEPT = 1000  # entries of the log, however short the history: for a process that is held up for a moment
LEAST_SHARE = 500  # of these nobody can take from one sender: for the same reason
PAGE_BYTES = 1_000_000  # at most, in one read


class LogBounds(NamedTuple):
    """How many messages and bytes are kept, the part of both that no other can take, and how many keys of one name."""

    messages: int
    bytes: int
    share: float
    keys_per_name: int = KEYS_PER_NAME


@dataclass
class Known:
    """What this process has seen of the log: its epoch, its highest number, and the entry that was read last."""

    epoch: str = ""
    highest: int = 0
    at: str = "0-0"
    text: bytes = b""

    @property
    def read(self) -> int:
        """The number that was read last."""
        return number_of(self.at)


class Entry(NamedTuple):
    """One entry as it was read. `epoch` is empty where it is not one of ours, `size` where it can be read."""

    at: str
    seq: int
    epoch: str
    text: bytes
    size: int = 0


class Addition(NamedTuple):
    """A post on its way into the log: its key (or ""), its JSON text, and its sender."""

    key: str
    text: str
    sender: str | None


class Reply(NamedTuple):
    """What the script says: the log's epoch, its last number, the numbers of what was added, how much was foreign."""

    epoch: str
    seq: int
    numbers: list[int]
    foreign: int


def look(known: Known, bounds: LogBounds, proves: bool = False, cleans: bool = False) -> tuple[Any, ...]:
    """Write the command that looks at the log, and begins another one if this is not what we know.

    `proves`: it fails where nothing can be written (a full memory, a replica). `cleans`: what stands above the last
    number is removed.
    """
    digest = hashlib.sha1(known.text, usedforsecurity=False).hexdigest() if known.text else ""
    return _command(known, digest, bounds, (proves, cleans), ())


def add(known: Known, bounds: LogBounds, additions: Iterable[Addition]) -> tuple[Any, ...]:
    """Write the command that adds posts."""
    return _command(known, "", bounds, (False, False), additions)


def _command(
    known: Known, digest: str, bounds: LogBounds, does: tuple[bool, bool], additions: Iterable[Addition]
) -> tuple[Any, ...]:
    seen = (uuid.uuid4().hex, known.epoch, known.highest, known.at, digest, *map(int, does))
    kept = max(bounds.messages, LEAST_KEPT)
    least = max(1, bounds.bytes // kept)  # what one entry costs, however short it is
    share = max(int(kept * bounds.share), LEAST_SHARE) * least
    terms = (kept * least, share, least, KEYS_OF, KEYS_S, bounds.keys_per_name, SENT)
    posts = (part for each in additions for part in (*parts_of(each.key), each.text, tag_of(each.sender)))
    return ("EVAL", ADD, 5, LOG, SEQ, EPOCH, COSTS, OVER, *seen, *terms, *posts)


def tag_of(sender: str | None) -> str:
    """Tell senders apart in few bytes, None for the server itself."""
    return "0" if sender is None else hashlib.sha1(sender.encode(), usedforsecurity=False).hexdigest()[:16]


def find_next(known: Known) -> tuple[Any, ...]:
    """Write the command that finds the place of the entry after the one that was read last; its answer may be None."""
    return ("EVAL", NEXT, 1, LOG, known.at)


def page(known: Known, most: int) -> tuple[Any, ...]:
    """Write the command that reads the entries after the one that was read last, `PAGE_BYTES` of them at most."""
    return ("EVAL", PAGE, 1, LOG, known.at, most, PAGE_BYTES)


def reply_of(answer: tuple[bytes, int, list[int], int]) -> Reply:
    """Read what the script said."""
    epoch, seq, numbers, foreign = answer
    return Reply(epoch.decode(), seq, numbers, foreign)


def entry_of(at: bytes, fields: list[bytes]) -> Entry:
    """Read one entry of the stream."""
    place = at.decode()
    if len(fields) == 2 and fields[0] == b"" and fields[1].isdigit():
        return Entry(place, number_of(place), "", b"", int(fields[1]))
    ours = len(fields) in (4, 6) and fields[0] == b"e" and fields[2] == b"m"
    epoch, text = (fields[1].decode(errors="replace"), fields[3]) if ours else ("", b"")
    return Entry(place, number_of(place), epoch, text)


def number_of(at: str) -> int:
    """Read the number in an entry's id."""
    return int(at.partition("-")[0])


def post_of(entry: Entry) -> Post:
    """Read the post in an entry. ValueError if there is none."""
    try:
        return Post.model_validate_json(entry.text)
    except ValidationError:  # Pydantic writes 255 levels of nesting, and reads 200
        return Post.model_validate(json.loads(entry.text))
