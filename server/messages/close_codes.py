"""Every close code that this server sends, and what it asks of the client.

Owns the codes, their reasons, and whether a client should come back. Knows nothing of connections.
Source: RFC 6455 section 7.4 and the IANA WebSocket Close Code Number Registry.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class CloseCode(IntEnum):
    """A close code by its registered name."""

    NORMAL_CLOSURE = 1000
    PROTOCOL_ERROR = 1002
    UNSUPPORTED_DATA = 1003
    INVALID_DATA = 1007
    POLICY_VIOLATION = 1008
    MESSAGE_TOO_BIG = 1009
    INTERNAL_ERROR = 1011
    SERVICE_RESTART = 1012
    UNAUTHORIZED = 4401  # of this server: 4000 to 4999 are for private use


class Meaning(NamedTuple):
    """What a client reads next to the code, and whether it should connect again."""

    reason: str
    come_back: bool


MEANINGS: dict[CloseCode, Meaning] = {
    CloseCode.NORMAL_CLOSURE: Meaning("normal closure", come_back=False),
    CloseCode.PROTOCOL_ERROR: Meaning("protocol error", come_back=False),
    CloseCode.UNSUPPORTED_DATA: Meaning("text messages only", come_back=False),
    CloseCode.INVALID_DATA: Meaning("invalid UTF-8", come_back=False),
    CloseCode.POLICY_VIOLATION: Meaning("policy violation", come_back=False),
    CloseCode.MESSAGE_TOO_BIG: Meaning("message too big", come_back=False),
    CloseCode.INTERNAL_ERROR: Meaning("internal error", come_back=True),
    CloseCode.SERVICE_RESTART: Meaning("service restart", come_back=True),
    CloseCode.UNAUTHORIZED: Meaning("token expired", come_back=True),
}
