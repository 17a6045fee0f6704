"""What a target declares about itself, and what is asked of it.

Owns the two halves that meet in a run: the `Profile` (how the target is started, where its endpoints are,
which environment variables carry its knobs) and the `Ask` (how many clients, which drain timeout). From both
follow the target's environment and the `Terms` that its clauses are judged by. Refuses to know processes and
sockets.

What a target declares not to have (None) is excluded from judgement; what it merely lacks fails.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ..history.events import Terms

LONGEST_RECONNECT_WINDOW_S = 30.0
LONGEST_NOTIFY_INTERVAL_S = 10.0
UVICORNS_SHUTDOWN_MARKER = "Waiting for application shutdown."
PROGRESS_PATTERN = Terms.progress_pattern


@dataclass(frozen=True)
class Ask:
    """What a run asks of the target: how many clients, drain timeout, close timeout X, the dice.

    `quiet`: no broadcasts and no notifications; in a very large crowd each of them would keep the harness from looking.
    `starvation`: the target's wait for a core is recorded, where the system says it.
    """

    clients: int = 500
    timeout_s: float = 5.0
    close_timeout_s: float = 3.0
    seed: int = 0
    quiet: bool = False
    starvation: bool = True


@dataclass(frozen=True)
class Profile:
    """A server as it declares itself.

    `command` has `{port}` (and may have `{python}`, this interpreter) as placeholders; `ws` and `talk` may have
    `{client}` and `{number}`. `talk` is the path on which a sender is answered, where it is not `ws`; `heavy` one on
    which an answer takes a core for a while. The `*_env` names are the environment variables that take each knob, in
    seconds or per second, `broker_env` the one that takes the URL of a Redis or Valkey; None: no such knob.
    `shutdown_marker` is in the line that it prints when its lifespan shutdown begins. The `*_statuses` are what it may
    exit with: drained or evicted, forced by an operator, stopped in startup. `progress_interval_s` is how often it
    prints a line that `progress_pattern` finds (None: it does not); `report`: it prints the drain report; `gauge`
    names the metric of connections left. `envelopes`: it speaks the subprotocol `ebb.v1` beside its dialect.
    `broadcasts`: what one client says reaches all others. `processes`: how many serve side by side; `divides_pace`: it
    is given the pace of all of them together, and divides it. `reference`: it promises all that, so that silence in
    the warm-up excludes nothing.

    Some scenarios start it in another way: `startup_command` is a whole command whose startup takes long (`{startup}`
    is `slow` or `hanging`); the `*_options` are words to add to `command`, for a request limit of `{requests}`, for a
    reload when a file in `{folder}` changes, for pings twice a second. None: it has no such thing.
    """

    command: tuple[str, ...]
    ready: str | None = "/ready"
    health: str | None = "/health"
    metrics: str | None = "/metrics"
    broadcast: str | None = "/broadcast"
    ws: str = "/ws"
    talk: str | None = None
    heavy: str | None = None
    dialect: str = "broadcast"
    envelopes: bool = False
    broadcasts: bool = True
    processes: int = 1
    divides_pace: bool = False
    timeout_env: str | None = None
    pace_env: str | None = None
    close_timeout_env: str | None = None
    window_env: str | None = None
    notify_env: str | None = None
    progress_env: str | None = None
    broker_env: str | None = None
    shutdown_marker: str | None = UVICORNS_SHUTDOWN_MARKER
    drained_statuses: tuple[int, ...] = (0, -15)
    forced_statuses: tuple[int, ...] = (130, -2, -15, 0)
    startup_statuses: tuple[int, ...] = (0, -15, -2, 130)
    progress_interval_s: float | None = None
    progress_pattern: str = PROGRESS_PATTERN
    report: bool = False
    gauge: str | None = None
    parent_delay_s: float = 0.0
    startup_timeout_s: float = 20.0
    startup_command: tuple[str, ...] | None = None
    limit_options: tuple[str, ...] | None = None
    reload_options: tuple[str, ...] | None = None
    ping_options: tuple[str, ...] | None = None
    reference: bool = False

    @property
    def title(self) -> str:
        """The command as a person would type it."""
        return " ".join(self.command)

    def variant(self, field: str) -> Profile:
        """The same target, started as one of its own fields says. Raises ValueError where it declares None there."""
        words: tuple[str, ...] | None = getattr(self, field)
        if words is None:
            raise ValueError(f"the target declares no {field}")
        return replace(self, command=words if field.endswith("_command") else self.command + words)


REFERENCE = Profile(
    command=(
        *("{python}", "-m", "uvicorn", "server.main:app"),
        *("--host", "127.0.0.1", "--port", "{port}", "--log-level", "info"),
    ),
    talk="/ws/{client}",
    heavy="/ws/heavy",
    envelopes=True,
    timeout_env="SERVER_DRAIN_TIMEOUT_S",
    pace_env="SERVER_EVICT_PER_S",
    close_timeout_env="SERVER_CLOSE_TIMEOUT_S",
    window_env="SERVER_RECONNECT_WINDOW_S",
    notify_env="SERVER_NOTIFY_INTERVAL_S",
    progress_env="SERVER_PROGRESS_INTERVAL_S",
    broker_env="SERVER_BROKER_URL",
    progress_interval_s=1.0,
    report=True,
    gauge="ebb_connections",
    startup_command=(
        *("{python}", "-m", "uvicorn", "tests.targets.slow_startup:{startup}"),
        *("--host", "127.0.0.1", "--port", "{port}", "--log-level", "info"),
    ),
    limit_options=("--limit-max-requests", "{requests}"),
    reload_options=("--reload", "--reload-dir", "{folder}"),
    ping_options=("--ws-ping-interval", "0.5", "--ws-ping-timeout", "0.5"),
    reference=True,
)


def terms_of(profile: Profile, ask: Ask, evict_per_s: float) -> Terms:
    """The bounds that this target will be judged by."""
    return Terms(
        drain_timeout_s=ask.timeout_s,
        evict_per_s=evict_per_s if profile.pace_env else None,
        close_timeout_s=ask.close_timeout_s,
        reconnect_window_s=_reconnect_window_s(ask) if profile.window_env else None,
        notify_interval_s=_notify_interval_s(ask) if profile.notify_env else None,
        parent_delay_s=profile.parent_delay_s,
        ready=profile.ready is not None,
        health=profile.health is not None,
        metrics=profile.metrics is not None,
        broadcasts=profile.broadcasts,
        shutdown_marker=profile.shutdown_marker,
        drained_statuses=profile.drained_statuses,
        forced_statuses=profile.forced_statuses,
        startup_statuses=profile.startup_statuses,
        progress_interval_s=profile.progress_interval_s,
        progress_pattern=profile.progress_pattern,
        report=profile.report,
        gauge=profile.gauge,
        processes=profile.processes,
    )


def environment_of(profile: Profile, terms: Terms) -> dict[str, str]:
    """The variables that hand the terms to the target."""
    knobs = {
        profile.timeout_env: terms.drain_timeout_s,
        profile.pace_env: terms.evict_per_s and terms.evict_per_s / (1 if profile.divides_pace else profile.processes),
        profile.close_timeout_env: terms.close_timeout_s,
        profile.window_env: terms.reconnect_window_s,
        profile.notify_env: terms.notify_interval_s,
        profile.progress_env: terms.progress_interval_s,
    }
    return {name: f"{value:g}" for name, value in knobs.items() if name and value is not None}


def _reconnect_window_s(ask: Ask) -> float:
    return min(LONGEST_RECONNECT_WINDOW_S, ask.timeout_s / 2)


def _notify_interval_s(ask: Ask) -> float:
    """So that a drain sees several: clause 9 wants two intervals in it."""
    return 0.0 if ask.quiet else min(LONGEST_NOTIFY_INTERVAL_S, max(0.25, ask.timeout_s / 5))
