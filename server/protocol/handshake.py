"""The opening handshake of a WebSocket (RFC 6455, section 4.2).

Owns the plain kind: a whole GET request, in one piece, of a bounded size, which asks for an upgrade to `websocket`
and for nothing else; and what answers it. Extensions are declined by not naming them (RFC 7692, section 5.1):
`permessage-deflate` costs half of the speed. Refuses to know sockets, and every request of another kind: HTTP decides
about it.
"""

from __future__ import annotations

import binascii
import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable
from http import HTTPStatus
from typing import NamedTuple

# Of one handshake, all of it, where nobody says otherwise: as large a header as the `websockets` library takes.
MAX_BYTES, MAX_HEADERS = 8192, 64
SWITCHING = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-accept: "
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"

Headers = list[tuple[bytes, bytes]]

_REQUEST = re.compile(
    rb"([A-Z]++) (/[!-~]*+) HTTP/1\.1\r\n"
    rb"((?:[!#$%&'*+\-.^_`|~0-9A-Za-z]++:[\t -~\x80-\xff]*+\r\n)++)\r\n"
)
_HEADER = re.compile(rb"([^:]++):([^\r]*+)\r\n")
_NO_VALUE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
# Base64 of 16 bytes (4.1).
KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")
KEY_NAME = b"sec-websocket-key"
# What a request that is not plain has: a body, or a wish for an answer before it.
_NOT_PLAIN = frozenset((b"content-length", b"transfer-encoding", b"expect"))
# What may not come twice.
_SINGLE = {b"host", b"upgrade", KEY_NAME, b"sec-websocket-version"}


class Upgrade(NamedTuple):
    """A handshake that may be accepted: `target` and `query` as they came, header names in lower case."""

    target: bytes
    query: bytes
    headers: Headers
    key: bytes
    subprotocols: list[str]


class BadHandshake(NamedTuple):
    """A handshake that cannot be accepted: the HTTP error for it (4.2.1, 4.4)."""

    status: HTTPStatus
    headers: Headers
    detail: str


def read(data: bytes, most_bytes: int = MAX_BYTES, most_headers: int = MAX_HEADERS) -> Upgrade | BadHandshake | None:
    """Read what a client has sent first; None: it is no handshake of the plain kind, as a whole."""
    if len(data) > most_bytes:
        detail = f"handshake of {len(data)} bytes, limit {most_bytes}"
        return BadHandshake(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, [], detail)
    if (request := _REQUEST.fullmatch(data)) is None:
        return None
    method, target, block = request.groups()
    headers = [(name.lower(), value.strip(b" \t")) for name, value in _HEADER.findall(block)]
    if len(headers) > most_headers:
        return None
    values = dict(headers)
    if values.get(b"upgrade", b"").lower() != b"websocket" or not _NOT_PLAIN.isdisjoint(values):
        return None
    if (wrong := _wrong(method, headers, values)) is not None:
        return wrong
    path, _, query = target.partition(b"?")
    subprotocols = []
    if b"sec-websocket-protocol" in values:
        offered = (value for name, value in headers if name == b"sec-websocket-protocol")
        subprotocols = [each.strip() for value in offered for each in value.decode("latin-1").split(",")]
    return Upgrade(path, query, headers, values[b"sec-websocket-key"], subprotocols)


def _wrong(method: bytes, headers: Headers, values: dict[bytes, bytes]) -> BadHandshake | None:
    if method != b"GET":
        return BadHandshake(HTTPStatus.METHOD_NOT_ALLOWED, [(b"allow", b"GET")], "a handshake is a GET request")
    if not (len(values) == len(headers) and values.keys() >= _SINGLE):
        times = Counter(name for name, _ in headers)
        for name in sorted(_SINGLE):
            if times[name] != 1:
                detail = f"{name.decode()} must be there once, and is {times[name]} times"
                return BadHandshake(HTTPStatus.BAD_REQUEST, [], detail)
    if values.get(b"connection", b"").lower() != b"upgrade" and b"upgrade" not in _options(headers):
        return BadHandshake(HTTPStatus.UPGRADE_REQUIRED, [(b"upgrade", b"websocket")], "connection: upgrade is missing")
    if values[b"sec-websocket-version"] != b"13":
        version = values[b"sec-websocket-version"].decode("latin-1")
        headers = [(b"upgrade", b"websocket"), (b"sec-websocket-version", b"13")]
        return BadHandshake(HTTPStatus.UPGRADE_REQUIRED, headers, f"version {version} is not known, 13 is")
    if not KEY.fullmatch(values[b"sec-websocket-key"]):
        return BadHandshake(HTTPStatus.BAD_REQUEST, [], "sec-websocket-key is not 16 bytes in Base64")
    return None


def _options(headers: Headers) -> list[bytes]:
    """What the connection is to be, however many headers say so."""
    said = b",".join(value for name, value in headers if name == b"connection")
    return [option.strip(b" \t") for option in said.lower().split(b",")]


def answer_to(key: bytes, headers: bytes) -> bytes:
    """Encode the answer that accepts a handshake (4.2.2), with `headers` as `lines` has them."""
    proof = binascii.b2a_base64(hashlib.sha1(key + GUID, usedforsecurity=False).digest(), newline=False)
    return b"".join((SWITCHING, proof, b"\r\n", headers, b"\r\n"))


def response(status: int, headers: Iterable[tuple[bytes, bytes]], body: bytes) -> bytes:
    """Encode an HTTP response after which the connection is closed. Raises ValueError, as `lines` does."""
    phrase = HTTPStatus(status).phrase if status in list(HTTPStatus) else ""
    headers = [(name.lower(), value) for name, value in headers]
    said = {name for name, _ in headers}
    own = [
        (b"connection", b"close"),
        (b"content-length", b"%d" % len(body)),
        (b"content-type", b"text/plain; charset=utf-8"),
    ]
    headers += [each for each in own if each[0] not in said]
    return b"".join((b"HTTP/1.1 %d %s\r\n" % (status, phrase.encode()), lines(headers), b"\r\n", body))


def lines(headers: Collection[tuple[bytes, bytes]]) -> bytes:
    """Encode headers. Raises ValueError for one that cannot be sent."""
    for name, value in headers:
        if _NO_VALUE.search(name) or _NO_VALUE.search(value):
            raise ValueError(f"header {name!r}: {value!r} cannot be sent")
    return b"".join([name + b": " + value + b"\r\n" for name, value in headers])
