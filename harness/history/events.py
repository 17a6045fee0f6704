"""One observation, of which a history has many. Refuses to know what events mean together."""

from __future__ import annotations

from typing import Any, NamedTuple


class Event(NamedTuple):
    """One observation: `who` saw or did `what` at `t` (seconds, monotonic)."""

    t: float
    who: str
    what: str
    detail: dict[str, Any]
