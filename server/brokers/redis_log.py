"""The log in Redis or Valkey: one stream, its number and its epoch.

Owns the keys, what an entry looks like, and the one script through which everybody looks at the log and adds to it.
An entry's id is `<number>-0`; it holds the epoch (`e`) in which it was numbered and the post (`m`) as JSON. The keys of
one owner are a sorted set: marks, by the numbers of their posts. A number above the newest is of an earlier log.

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

LOG, SEQ, EPOCH, KEYS_OF = "{ebb}:log", "{ebb}:seq", "{ebb}:epoch", "{ebb}:keys:"
KEYS_S = 600  # for which the keys of an owner are known after the last one
LEAST_KEPT = 1000  # entries of the log, however short the history: for a process that is held up for a moment

SCRIPT = """
local log, seqs, epochs = KEYS[1], KEYS[2], KEYS[3]
local begun, known, highest, at, text, kept, prefix, keys_s, most, proves = unpack(ARGV, 1, 10)
local epoch, seq = redis.call('GET', epochs), tonumber(redis.call('GET', seqs) or nil)
local same = epoch and seq
if same and epoch == known then
    local there = text ~= '' and redis.call('XRANGE', log, at, at)[1]
    same = seq >= tonumber(highest) and (not there or redis.sha1hex(there[2][4] or '') == text)
end
if not same then
    epoch, seq = begun, 0
    redis.call('DEL', log)
    redis.call('SET', epochs, epoch)
    redis.call('SET', seqs, seq)
elseif proves == '1' then
    redis.call('SET', epochs, epoch)
end
local numbers = {}
for i = 11, #ARGV, 3 do
    local keys, mark, post = ARGV[i] ~= '' and prefix .. ARGV[i], ARGV[i + 1], ARGV[i + 2]
    local number = keys and tonumber(redis.call('ZSCORE', keys, mark) or nil)
    if not number then
        number = redis.call('INCR', seqs)
        seq = number
        redis.call('XADD', log, 'MAXLEN', '=', kept, number .. '-0', 'e', epoch, 'm', post)
        if keys then
            redis.call('ZADD', keys, number, mark)
            redis.call('EXPIRE', keys, keys_s)
            if redis.call('ZCARD', keys) > tonumber(most) then
                local last = redis.call('ZRANGE', keys, -1, -1, 'WITHSCORES')[2]
                local oldest = tonumber(last) > number and -1 or 0
                redis.call('ZREMRANGEBYRANK', keys, oldest, oldest)
            end
        end
    end
    table.insert(numbers, number)
end
return {epoch, seq, numbers}
"""


# Where the entry after a place is, without what is in it.
NEXT = "local found = redis.call('XRANGE', KEYS[1], '(' .. ARGV[1], '+', 'COUNT', 1)[1] return found and found[1]"


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
    """One entry as it was read. `epoch` is empty where it is not one of ours."""

    at: str
    seq: int
    epoch: str
    text: bytes


class Reply(NamedTuple):
    """What the script says: the log's epoch, its last number, and the numbers of what was added."""

    epoch: str
    seq: int
    numbers: list[int]


def look(known: Known, history: int, proves: bool = False) -> tuple[Any, ...]:
    """Write the command that looks at the log, and begins another one if this is not what we know.

    `proves`: it fails where nothing can be written (a full memory, a replica).
    """
    digest = hashlib.sha1(known.text, usedforsecurity=False).hexdigest() if known.text else ""
    return _command(known, digest, history, 0, proves, ())


def add(known: Known, history: int, keys_per_name: int, posts: Iterable[tuple[str, str]]) -> tuple[Any, ...]:
    """Write the command that adds posts, each with its key (or "") and its JSON text."""
    return _command(known, "", history, keys_per_name, False, posts)


def _command(
    known: Known, digest: str, history: int, keys_per_name: int, proves: bool, posts: Iterable[tuple[str, str]]
) -> tuple[Any, ...]:
    seen = (uuid.uuid4().hex, known.epoch, known.highest, known.at, digest)
    terms = (max(history, LEAST_KEPT), KEYS_OF, KEYS_S, keys_per_name, int(proves))
    parts = (part for key, text in posts for part in (*parts_of(key), text))
    return ("EVAL", SCRIPT, 3, LOG, SEQ, EPOCH, *seen, *terms, *parts)


def find_next(known: Known) -> tuple[Any, ...]:
    """Write the command that finds the place of the entry after the one that was read last; its answer may be None."""
    return ("EVAL", NEXT, 1, LOG, known.at)


def reply_of(answer: tuple[bytes, int, list[int]]) -> Reply:
    """Read what the script said."""
    epoch, seq, numbers = answer
    return Reply(epoch.decode(), seq, numbers)


def entry_of(at: bytes, fields: list[bytes]) -> Entry:
    """Read one entry of the stream."""
    place = at.decode()
    ours = len(fields) == 4 and fields[0] == b"e" and fields[2] == b"m"
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
