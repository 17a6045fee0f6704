"""The terms of a run: what was asked of the target, and what it declares about itself.

Owns `Terms`, from which every clause takes its bounds, how they follow from a profile and an ask, and the environment
variables that pass them to the target. Refuses to know events and verdicts.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..targets.declaration import PATIENCE_S, Ask, Profile

LONGEST_RECONNECT_WINDOW_S = 30.0
LONGEST_NOTIFY_INTERVAL_S = 10.0
GONE_WITHIN_S = 1.0
NO_DRAIN_TIMEOUT = (
    "the target promises no drain timeout: declare drain_timeout_s (--drain-timeout S),"
    " or drain_timeout_env if it can be told"
)
UNDECLARED_CLOSE_TIMEOUT_S = 1.0


@dataclass(frozen=True)
class Terms:
    """What was asked of the target, and its `profile`; every clause takes its bounds from here.

    All times in seconds, the pace in closes a second. None: the target has no setting for it and promises no value, and
    nothing is assumed instead. `reconnect_window_s` is the window really in force, after any cap by the target.
    `answers`: the target was seen to answer what clients send. `patience_s`: how long the harness waits for the exit if
    nothing declared says how long that may take.
    """

    profile: Profile
    drain_timeout_s: float | None
    evict_per_s: float | None
    close_timeout_s: float | None
    reconnect_window_s: float | None
    grace_s: float = 0.0
    notify_interval_s: float | None = None
    answers: bool = True
    patience_s: float = PATIENCE_S

    @property
    def logs(self) -> bool:
        """Whether its output is captured."""
        return self.profile.logs

    @property
    def parent_delay_s(self) -> float:
        """How much later everything may come, because signals go through a parent process."""
        return self.profile.parent_delay_s

    @property
    def answered_within_s(self) -> float:
        """The time within which clients answer a close frame: the close timeout; 1 s if none is declared."""
        return UNDECLARED_CLOSE_TIMEOUT_S if self.close_timeout_s is None else self.close_timeout_s

    @property
    def undeclared(self) -> list[str]:
        """The keys that would have to be declared to know by when the target must be gone."""
        known = {
            "drain_timeout_s": self.drain_timeout_s,
            "pace_per_s": self.evict_per_s,
            "close_timeout_s": self.close_timeout_s,
        }
        return [name for name, value in known.items() if value is None]

    def gone_after_s(self, clients: int) -> float:
        """How long after t0 the target may run, with so many clients that stay; the patience if nothing is declared."""
        grace_s = (self.drain_timeout_s or 0.0) + self.parent_delay_s
        if self.evict_per_s is None or self.close_timeout_s is None or self.drain_timeout_s is None:
            return grace_s + self.patience_s
        return grace_s + clients / self.evict_per_s + self.close_timeout_s + GONE_WITHIN_S


def terms_of(profile: Profile, ask: Ask, evict_per_s: float) -> Terms:
    """The bounds by which this target is judged: those that can be set, else those that it promises, else none."""
    drain_timeout_s = ask.timeout_s if profile.drain_timeout_env else profile.drain_timeout_s
    return Terms(
        profile=profile,
        drain_timeout_s=drain_timeout_s,
        evict_per_s=evict_per_s if profile.pace_env else profile.pace_per_s,
        close_timeout_s=ask.close_timeout_s if profile.close_timeout_env else profile.close_timeout_s,
        reconnect_window_s=_reconnect_window_s(drain_timeout_s) if profile.window_env else None,
        notify_interval_s=_notify_interval_s(ask) if profile.notify_env else None,
        patience_s=ask.patience_s,
    )


def environment_of(terms: Terms) -> dict[str, str]:
    """The environment variables that pass the terms to the target."""
    profile = terms.profile
    knobs = {
        profile.drain_timeout_env: terms.drain_timeout_s,
        profile.pace_env: terms.evict_per_s and terms.evict_per_s / (1 if profile.divides_pace else profile.processes),
        profile.close_timeout_env: terms.close_timeout_s,
        profile.window_env: terms.reconnect_window_s,
        profile.notify_env: terms.notify_interval_s,
        profile.progress_env: profile.progress_interval_s,
    }
    told = {name: f"{value:g}" for name, value in knobs.items() if name and value is not None}
    return told | dict.fromkeys(profile.rate_envs or (), "0")


def _reconnect_window_s(drain_timeout_s: float | None) -> float | None:
    """The window, capped by the drain timeout as a target does it; None if the drain timeout is not known."""
    return None if drain_timeout_s is None else min(LONGEST_RECONNECT_WINDOW_S, drain_timeout_s / 2)


def _notify_interval_s(ask: Ask) -> float:
    """Short enough for several in one drain: clause 9 needs two intervals."""
    return 0.0 if ask.quiet else min(LONGEST_NOTIFY_INTERVAL_S, max(0.25, ask.timeout_s / 5))
