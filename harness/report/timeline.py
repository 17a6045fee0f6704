"""When each phase of a drain began, as it was seen from outside; or when each host of several was replaced.

Owns the names of those moments. Refuses to know whether they came in time.
"""

from __future__ import annotations

from ..history.record import History

MOMENTS = ("signal", "first_503", "first_notice", "last_notice", "first_server_close", "last_close", "exit")

OF_A_HOST = frozenset({"signal", "exited", "killed", "ready"})


def hosts_timeline(history: History) -> dict[str, dict[str, float]]:
    """What became of each host that was told to stop, in seconds from the moment at which the load began."""
    began = next((event.t for event in history.events if event.what == "speaking"), 0.0)
    hosts: dict[str, dict[str, float]] = {}
    for t, who, what, _ in history.events:
        if who.startswith("host-") and what in OF_A_HOST and t >= began:
            hosts.setdefault(who, {})[what] = round(t - began, 4)
    return hosts


def starvation_of(history: History) -> str:
    """Whether the target's wait for a core was `recorded`; `none` where nobody was to, or why nobody could."""
    events = history.events
    blind = next((event.detail["reason"] for event in events if event[1:3] == ("harness", "blind")), None)
    watched = any(event[1:3] == ("harness", "watches starvation") for event in events)
    return blind or ("recorded" if watched else "none")


def timeline(history: History) -> dict[str, float | None]:
    """The moments in seconds relative to t0; None for one that did not come, or where there was no signal."""
    seen = history.drain
    if seen is None:
        return dict.fromkeys(MOMENTS)
    notices = [t for t, _ in seen.notices]
    ends = [client.ended.t for client in seen.connections if client.ended and client.ended.t >= seen.t0]
    moments = (
        seen.t0,
        seen.not_ready_at,
        min(notices, default=None),
        max(notices, default=None),
        seen.evictions[0][0] if seen.evictions else None,
        max(ends, default=None),
        seen.exited_at,
    )
    return {name: None if t is None else round(t - seen.t0, 4) for name, t in zip(MOMENTS, moments, strict=True)}
