"""A client of `ebb.v1` that survives deploys: it moves when it is told to, reconnects when it is cut, and resumes.

Owns what `docs/clients.md` describes: in a checkout `from clients.python import connect`, installed `from ebb.client
import connect`. The core (`machine`, `attempts`, `position`, `wire`, `events`) decides and does no I/O; `client`,
`performer`, `connection` and `inbox` perform what it decides, with asyncio and websockets; `terminal` is the command
`ebb client`. Refuses to know the server and the harness: the wire is written here once more, from `docs/wire.md`.
"""

from __future__ import annotations

from .client import Client
from .connecting import connect
from .errors import CannotConnect, ClientEnded, NotPublished
from .events import Status
from .wire import Draining, Gap, Message

__all__ = [
    "CannotConnect",
    "Client",
    "ClientEnded",
    "Draining",
    "Gap",
    "Message",
    "NotPublished",
    "Status",
    "connect",
]
