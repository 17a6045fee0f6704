"""Rubbish for each of our parsers, guided by the code that it reaches.

    python -m tests.fuzz.parsers read_frames -max_total_time=60

Each either reads what it is given or refuses it in the one way that it documents; anything else ends the run with what
was given. The options are libFuzzer's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import parse_qsl

import atheris

with atheris.instrument_imports(include=["server.protocol", "server.messages", "server.access", "server.limits"]):
    from server.access.credentials import token_of
    from server.access.origins import refusal_of
    from server.limits.addresses import client_address, networks_of
    from server.messages import sessions, wire
    from server.protocol import alike, frames, handshake

LIMIT = 4096
HANDSHAKES = alike.Handshakes()
PROXIES = networks_of("10.0.0.0/8, 2001:db8::/32")


def read_frames(data: bytes) -> None:
    """However the bytes are cut, the events are the same, and nothing is kept beyond the limit."""
    if not data:
        return
    whole, pieces = frames.Parser(LIMIT), frames.Parser(LIMIT)
    size = data[0] % 16 + 1
    expected = _events(whole, [data[1:]])
    found = _events(pieces, [data[at : at + size] for at in range(1, len(data), size)])
    assert _content(expected) == _content(found), (expected, found)
    assert all(len(each) <= LIMIT for each in expected if isinstance(each, (str, bytes)))


def _events(parser: frames.Parser, segments: list[bytes]) -> list[frames.Event]:
    events = []
    for segment in segments:
        parser.feed(segment)
        while (event := parser.next()) is not None:
            events.append(event)
    return events


def _content(events: list[frames.Event]) -> list[object]:
    """What they say; the reason of a failure may tell how much had arrived."""
    return [(type(each), each.code) if isinstance(each, frames.Failure) else each for each in events]


def read_handshake(data: bytes) -> None:
    """It is one, or not, or says why not, whatever was read before; and what it says can be answered."""
    upgrade = handshake.read(data)
    assert HANDSHAKES.read(data) == upgrade
    if isinstance(upgrade, handshake.Upgrade):
        token_of(upgrade.headers, upgrade.subprotocols)
        refusal_of(upgrade.headers, ())
        with suppress(wire.Malformed):
            wire.parse_arrival(parse_qsl(upgrade.query.decode("latin-1"), keep_blank_values=True))
    elif upgrade is not None:
        handshake.response(upgrade.status, upgrade.headers, upgrade.detail.encode())


def read_envelope(data: bytes) -> None:
    """A request, or Malformed; what is kept of it can be sent on."""
    text = data.decode(errors="replace")
    with suppress(wire.Malformed):
        request = wire.parse(text)
        if isinstance(request, wire.Publish):
            json.dumps(request.data).encode()
    with suppress(wire.Malformed):
        wire.parse_chat(text)
    wire.looks_official(text)
    wire.id_of(text)


def read_session(data: bytes) -> None:
    """A request of a session, or Malformed."""
    with suppress(wire.Malformed):
        sessions.parse(data.decode(errors="replace"))


def read_address(data: bytes) -> None:
    """Whatever a proxy says of an address."""
    said = data.decode("latin-1").split("\n")
    client_address("10.0.0.1", tuple(said), PROXIES)


TARGETS: dict[str, Callable[[bytes], None]] = {
    each.__name__: each for each in (read_frames, read_handshake, read_envelope, read_session, read_address)
}

if __name__ == "__main__":
    atheris.Setup([sys.argv[0], *sys.argv[2:]], TARGETS[sys.argv[1]])
    atheris.Fuzz()
