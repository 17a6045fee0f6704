"""From which pages a browser may ask: those of this host, and those that are named. Pure.

Every browser sends the `Origin` of its page with a WebSocket handshake and with a POST, and no other client has to.
Without a check any page in the world speaks for whoever looks at it. Source: RFC 6455 section 10.2.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from urllib.parse import urlsplit

EVERY = "*"
DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def refusal_of(headers: Iterable[tuple[bytes, bytes]], allowed: Collection[str]) -> str | None:
    """Say why a page may not ask, or None if it may. `allowed` are origins as `https://shop.example`, or `*`."""
    if EVERY in allowed:
        return None
    origin = _value(b"origin", headers)
    if origin is None or origin in allowed or _is_of(origin, _value(b"host", headers) or ""):
        return None
    return f"pages of {origin[:200]} may not connect"


def _value(wanted: bytes, headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The value of a header, the last one of several; None without it. ASGI has their names in lower case."""
    found = None
    for name, value in headers:
        if name == wanted:
            found = value
    return None if found is None else found.decode("latin-1")


def _is_of(origin: str, host: str) -> bool:
    url = urlsplit(origin)
    port = DEFAULT_PORTS.get(url.scheme, "")
    return url.netloc != "" and url.netloc.lower().removesuffix(port) == host.lower().removesuffix(port)
