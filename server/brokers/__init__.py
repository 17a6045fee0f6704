"""The log that carries messages between processes, and the state beside it. Start reading at `broker`.

Owns which broker a URL means. Loads none that is not asked for.
"""

from __future__ import annotations

import re

from .broker import Broker
from .keys import KEYS_PER_NAME
from .memory import MemoryBroker

PASSWORD = re.compile(r":[^@]*@|password=")
SCHEMES = "memory://, redis://, rediss://, unix:// or embedded://"


def broker_of(
    url: str,
    history: int,
    keys_per_name: int = KEYS_PER_NAME,
    history_bytes: int = 64 * 1024 * 1024,
    share: float = 0.05,
    embedded_bytes: int = 256 * 1024 * 1024,
) -> Broker:
    """Make the broker that `url` names; `start` begins it. `history`: messages kept for a resume, 1 or more.

    `keys_per_name`: how many of the last messages of one name are recognised when they are repeated, 1 or more. The
    messages kept take `history_bytes` at most, and a part of them, `share`, nobody can take from one sender.
    `embedded_bytes`: memory of the server that `embedded://` brings.

    `memory://`, `redis://user:password@host:port/db`, `rediss://` (the same over TLS), `unix:///path` or `embedded://`;
    options of redis-py's may follow after `?`. Raises ValueError for anything else, in one line without a password.
    """
    scheme, separator, _ = url.partition("://")
    if scheme in ("redis", "rediss", "unix") and separator:
        from .redis import ValkeyBroker
        from .redis_log import LogBounds

        return ValkeyBroker(url, LogBounds(history, history_bytes, share, keys_per_name))
    if url == "embedded://":
        from .redis import EmbeddedBroker
        from .redis_log import LogBounds

        return EmbeddedBroker(LogBounds(history, history_bytes, share, keys_per_name), embedded_bytes)
    if url == "memory://":
        return MemoryBroker(keys_per_name)
    raise ValueError(f"{f'{scheme}://...' if separator else 'a URL without a scheme'} is no broker: {SCHEMES}")


def has_password(url: str) -> bool:
    """Say whether a URL has a password in it, also one that is mistyped."""
    return PASSWORD.search(url.rpartition("://")[2]) is not None
