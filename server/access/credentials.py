"""Where a client shows its token: in a header, or, as a browser cannot, beside the subprotocols it asks for. Pure.

Never in the URL, which is logged on the way. Source: RFC 6750 section 2.1 for the header.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

BEARER_SUBPROTOCOL = "bearer."


def token_of(headers: Iterable[tuple[bytes, bytes]], subprotocols: Sequence[str] = ()) -> str | None:
    """Find the token of a request or handshake; None where there is none, or more than one."""
    found = [each.removeprefix(BEARER_SUBPROTOCOL) for each in subprotocols if each.startswith(BEARER_SUBPROTOCOL)]
    for name, value in headers:
        if name.lower() == b"authorization":
            scheme, _, token = value.decode("latin-1").strip().partition(" ")
            if scheme.lower() == "bearer":
                found.append(token.strip())
    return found[0] if len(found) == 1 and found[0] else None
