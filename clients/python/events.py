"""What the machine is told about a connection's end, and what it wants done. Pure.

Effects are performed in the order in which they are returned. A number names a connection; a place is the index of a
URL among those that the client was given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .wire import Draining, Gap, Message

# Close codes after which the same client would be closed again: `docs/wire.md`, "Closing".
FINAL_CODES = frozenset({1003, 1007, 1008, 1009, 1010})
TOKEN_EXPIRED = 4401  # final for a client that can get no other token
# HTTP statuses from 400 to 499 that may be another one a moment later.
PASSING_STATUSES = frozenset({408, 425, 429})
# What some servers answer in a drain, being unable to answer 503, and some balancers without a backend.
PERHAPS_PASSING = frozenset({403, 404})


@dataclass(frozen=True, slots=True)
class Ending:
    """How a connection ended, or why there was none. `code`: of the close frame; `status`: of a refused handshake."""

    reason: str
    code: int | None = None
    status: int | None = None
    final: bool = False

    def is_final(self, arrived_before: bool, renews: bool = False) -> bool:
        """Whether there is no point in another attempt. A client that was let in before believes in it for longer.

        One that `renews` its token has another one for the next attempt.
        """
        if self.final or self.code in FINAL_CODES or (self.code == TOKEN_EXPIRED and not renews):
            return True
        if self.status is None or not 400 <= self.status < 500 or self.status in PASSING_STATUSES:
            return False
        return not (arrived_before and self.status in PERHAPS_PASSING)


@dataclass(frozen=True, slots=True)
class Open:
    """Connect to a place with this query, and say what is heard there under this number."""

    number: int
    place: int
    query: str


@dataclass(frozen=True, slots=True)
class Leave:
    """Close a connection with 1000, or give up opening it."""

    number: int


@dataclass(frozen=True, slots=True)
class Send:
    """Send a text on a connection."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Renew:
    """Get another token within so many seconds, for the connection with this number, and `renew` with it."""

    number: int
    within_s: float


@dataclass(frozen=True, slots=True)
class Deliver:
    """Give the user a message, which is the next one."""

    message: Message


@dataclass(frozen=True, slots=True)
class Lose:
    """Tell the user that messages are lost."""

    gap: Gap


@dataclass(frozen=True, slots=True)
class Published:
    """A publish has its number."""

    id: str
    seq: int


@dataclass(frozen=True, slots=True)
class Refuse:
    """A publish was not carried out; `id` None: no publish waits for an answer, so it was another request."""

    id: str | None
    code: str
    detail: str


@dataclass(frozen=True, slots=True)
class Notify:
    """Tell the user that the server of the current connection drains."""

    notice: Draining


@dataclass(frozen=True, slots=True)
class Status:
    """Something to show to a person. `place` is where it happened; `wait_s` until the client does something about it.

    `connected`: for the first time, or again. `moved`: connected elsewhere before the old connection was left.
    `draining`: the notice. `cut`: no connection. `refused`: an attempt failed.
    """

    what: Literal["connected", "moved", "draining", "cut", "refused"]
    place: int
    reason: str = ""
    wait_s: float = 0.0


@dataclass(frozen=True, slots=True)
class End:
    """Give up: no attempt would change it."""

    ending: Ending


Effect = Open | Leave | Send | Renew | Deliver | Lose | Published | Refuse | Notify | Status | End
