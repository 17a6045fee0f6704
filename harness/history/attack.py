"""The names that an attack has in a history: its phases, and the personas of its clients.

Owns only these words, which scenario, clients and clauses share.
"""

from __future__ import annotations

QUIET = "quiet, before the attack"
ABUSE = "the attackers come"
UNDER_ABUSE = "under attack"

FLOODERS = (
    *("newcomer", "ping-flooder", "pong-flooder", "fragment-flooder"),
    *("message-flooder", "oversized-message", "deaf-pinger"),
)
ATTACKERS = (*FLOODERS, "endless-header")  # and half handshakes, as there are in other scenarios, too
