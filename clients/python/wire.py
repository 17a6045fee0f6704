"""The words of `ebb.v1`, as a client reads and writes them.

Owns every message of the server that this client understands, the requests that it sends, and the query of its
handshake. Pure. A message that is not understood is ignored: a newer server may say more. Source: `docs/wire.md`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

SUBPROTOCOL = "ebb.v1"
MOST_ROOMS = 100  # in one handshake
LONGEST_ID = 200  # characters of the id of a publish
LONGEST_NAME_BYTES = 128  # of a room, of a client's name
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class Welcome:
    """First on every connection: the log's epoch and the number of its last message."""

    epoch: str
    seq: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message. `room` None: for everyone or for this client alone. `sender` None: the server. `at`: ISO 8601, UTC."""

    seq: int
    room: str | None
    sender: str | None
    data: Any
    at: str


@dataclass(frozen=True, slots=True)
class Ack:
    """The publish with this id has this number."""

    id: str
    seq: int


@dataclass(frozen=True, slots=True)
class Draining:
    """The server will stop: how many seconds it serves on, until when (ISO 8601, UTC), and when this client moves."""

    deadline_s: float
    deadline_at: str
    reconnect_after_s: float


@dataclass(frozen=True, slots=True)
class Resumed:
    """The resume is served: `replayed` messages follow, up to number `seq`, and then new ones."""

    epoch: str
    seq: int
    replayed: int


@dataclass(frozen=True, slots=True)
class Gap:
    """The messages between `after` and `next` are lost. The numbers go on with `next`, in `epoch`."""

    after: int
    next: int
    epoch: str


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request was not carried out; `id` is that of the publish, None where the server could not tell.

    `retry_after_s`: when the client may go on that was too fast.
    """

    code: str
    detail: str
    id: str | None
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Expiring:
    """The token expires in so many seconds: without another one the server closes the connection with 4401."""

    expires_in_s: float


@dataclass(frozen=True, slots=True)
class Renewed:
    """The new token counts from now on."""


ServerMessage = Welcome | Message | Ack | Draining | Resumed | Gap | Refusal | Expiring | Renewed


def read(text: str | bytes) -> ServerMessage | None:
    """Read one message of the server; None for what is not understood."""
    try:
        said = json.loads(text)
    except ValueError:
        return None
    match said:
        case {"type": "message", "seq": int(seq), "data": data}:
            return Message(seq, said.get("room"), said.get("from"), data, str(said.get("at", "")))
        case {"type": "welcome", "epoch": str(epoch), "seq": int(seq)}:
            return Welcome(epoch, seq)
        case {"type": "ack", "id": str(id), "seq": int(seq)}:
            return Ack(id, seq)
        case {"type": "resumed", "epoch": str(epoch), "seq": int(seq), "replayed": int(replayed)}:
            return Resumed(epoch, seq, replayed)
        case {"type": "gap", "after": int(after), "next": int(following), "epoch": str(epoch)}:
            return Gap(after, following, epoch)
        case {
            "type": "draining",
            "deadline_s": int() | float() as left_s,
            "reconnect_after_s": int() | float() as at_s,
        }:
            return Draining(float(left_s), str(said.get("deadline_at", "")), max(0.0, float(at_s)))
        case {"type": "expiring", "expires_in_s": int() | float() as left_s}:
            return Expiring(float(left_s))
        case {"type": "renewed"}:
            return Renewed()
        case {"type": "error", "code": str(code)}:
            wait_s = said.get("retry_after_s")
            known = isinstance(wait_s, int | float) and code == "rate_limited"
            return Refusal(code, str(said.get("detail", "")), said.get("id"), float(wait_s) if known else None)
        case _:
            return None


def publish(id: str, data: Any, room: str | None) -> str:
    """Write a publish. Raises ValueError for what the server would not take, TypeError for what JSON cannot hold."""
    check_id(id)
    if room is not None:
        check_name("room", room)
    request = {"type": "publish", "id": id, "data": data} | ({} if room is None else {"room": room})
    text = json.dumps(request, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    text.encode()  # raises UnicodeEncodeError, a ValueError, for half of a surrogate pair
    return text


def join(room: str) -> str:
    """Write a join."""
    return json.dumps({"type": "join", "room": room}, ensure_ascii=False)


def leave(room: str) -> str:
    """Write a leave."""
    return json.dumps({"type": "leave", "room": room}, ensure_ascii=False)


def renew(token: str) -> str:
    """Write a renew."""
    return json.dumps({"type": "renew", "token": token})


def query(position: tuple[str, int] | None, rooms: Collection[str]) -> str:
    """Write the query of a handshake, with its question mark; empty where there is nothing to ask for."""
    pairs = [] if position is None else [("epoch", position[0]), ("seq", str(position[1]))]
    pairs += [("room", room) for room in sorted(rooms)]
    return f"?{urlencode(pairs)}" if pairs else ""


def check_id(id: str) -> None:
    """Raise ValueError unless it has 1 to 200 characters, and UTF-8 can hold it."""
    id.encode()
    if not 1 <= len(id) <= LONGEST_ID:
        raise ValueError(f"id of {len(id)} characters, allowed are 1 to {LONGEST_ID}")


def check_name(what: str, name: str) -> None:
    """Raise ValueError unless UTF-8 holds it in 1 to 128 bytes, without control characters."""
    size = len(name.encode())
    if not 1 <= size <= LONGEST_NAME_BYTES:
        raise ValueError(f"{what} of {size} bytes, allowed are 1 to {LONGEST_NAME_BYTES}")
    if CONTROL.search(name):
        raise ValueError(f"{what} with a control character: {name!r}")
