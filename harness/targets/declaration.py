"""What a target declares about itself, and what is asked of it.

Owns the `Profile` (how the target is started, where its endpoints are, which environment variables set its parameters)
and the `Ask` (how many clients, which drain timeout). The `Terms` of `harness.history.terms` follow from both. Refuses
to know processes and sockets. Pure.

What a target declares not to have (None) is not judged; what it lacks without saying so fails. A profile cannot be made
with a wrong value: Pydantic's ValidationError says what is allowed instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field

from .talk import Talk
from .values import (
    CloseCodes,
    Count,
    DialectName,
    Environment,
    Flag,
    Known,
    KnownFailures,
    Level,
    LocalUrl,
    NonEmptyText,
    Rate,
    Seconds,
    SignalName,
    Statuses,
    UrlPath,
    Words,
    allowed,
)

__all__ = ["REFERENCE", "SERVER", "Ask", "DialectName", "Known", "Level", "Profile"]


PATIENCE_S = 60.0  # twice what supervisors commonly allow (Kubernetes: 30 s)

# The reference server is next to the harness, in a checkout and in the package `ebb`; the harness imports none of it.
SERVER = f"{__package__.removesuffix('harness.targets')}server"


@dataclass(frozen=True)
class Ask:
    """What a run asks of the target: how many clients, drain timeout, close timeout X, the seed.

    `quiet`: no broadcasts and no notifications, each of which would keep the harness from observing a very large crowd.
    `starvation`: record the target's wait for a core, if the system reports it. `say_per_s`: how many messages each
    talking client sends in a second; None: as many as suit the crowd. `patience_s`: how long the harness waits for the
    exit of a target that does not say how long that may take. `chosen`: somebody has said how many clients.
    """

    clients: int = 500
    timeout_s: float = 5.0
    close_timeout_s: float = 3.0
    seed: int = 0
    quiet: bool = False
    starvation: bool = True
    say_per_s: float | None = None
    patience_s: float = PATIENCE_S
    chosen: bool = False


class Profile(BaseModel):
    """A server as it declares itself; each field has a description. None: it has no such thing, or does not say.

    The fields are also the keys of a target file, where some of them are in tables; see `harness.targets.form`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: Words = Field(
        (), description="How it is started; `{port}` and `{python}` (this interpreter) are filled in."
    )
    url: LocalUrl | None = Field(None, description="Where it is, if something else has started it: no command then.")
    pid: Count | None = Field(None, description="Its process, for `url`; undeclared, the one that listens there.")
    stop: Words | None = Field(None, description="The command that stops it, for `url`; undeclared, the signal does.")
    signal: Annotated[SignalName, allowed(f"one of {', '.join(get_args(SignalName))}")] = Field(
        "TERM", description="The signal that tells it to stop, for `url`."
    )
    cwd: NonEmptyText | None = Field(None, description="The folder in which it is started.")
    env: Environment = Field({}, description="Environment variables that it is given; `{port}` is filled in.")
    ready: UrlPath | None = Field("/ready", description="Readiness: 503 once it is told to stop.")
    health: UrlPath | None = Field("/health", description="Liveness: 200 as long as it runs.")
    metrics: UrlPath | None = Field("/metrics", description="Metrics in the format of Prometheus.")
    broadcast: UrlPath | None = Field("/broadcast", description='A POST with `{"text": ...}` reaches everybody.')
    ws: UrlPath = Field("/ws", description="Where clients connect; `{client}` and `{number}` are filled in.")
    talk_path: UrlPath | None = Field(None, description="Where a sender is answered, if not where clients connect.")
    heavy: UrlPath | None = Field(None, description="Where an answer takes a core for a while.")
    stream: UrlPath | None = Field(
        None, description="A GET that is answered with an event stream without an end of its own, or a long download."
    )
    dialect: Annotated[DialectName, allowed(f"one of {', '.join(get_args(DialectName))}")] = Field(
        "broadcast", description="How clients talk, where `talk` does not say it."
    )
    talk: Annotated[Talk, allowed("a table of how its clients talk")] | None = Field(
        None, description="How clients talk: a table of its own."
    )
    envelopes: Flag = Field(False, description="It speaks the subprotocol `ebb.v1` beside its dialect.")
    broadcasts: Flag = Field(True, description="What one client says reaches all others.")
    order: Annotated[Literal["all", "sender"], allowed("`all` or `sender`")] = Field(
        "all", description="Whether broadcasts have one order for everybody, or only those of one sender."
    )
    processes: Count = Field(1, description="How many serve side by side.")
    divides_pace: Flag = Field(False, description="It is given the pace of all processes together, and divides it.")
    level: Annotated[Level, allowed(f"one of {', '.join(get_args(Level))}")] = Field(
        "clean", description="What the exit status of the harness is about: `clean`, `drain` or `handover`."
    )
    known: KnownFailures = Field(
        {}, description="Clauses that are expected to fail, by number, and why; one that passes is an error."
    )
    drain_timeout_s: Seconds | None = Field(None, description="The drain timeout that it promises, in seconds.")
    pace_per_s: Rate | None = Field(None, description="How many it promises to close in a second at most.")
    close_timeout_s: Seconds | None = Field(None, description="How long it promises to wait for a client's close.")
    close_codes: CloseCodes | None = Field(None, description="The codes with which it says goodbye.")
    drain_timeout_env: NonEmptyText | None = Field(None, description="Its variable for the drain timeout, in seconds.")
    pace_env: NonEmptyText | None = Field(None, description="Its variable for the pace, in closes a second.")
    close_timeout_env: NonEmptyText | None = Field(None, description="Its variable for the close timeout, in seconds.")
    window_env: NonEmptyText | None = Field(None, description="Its variable for the reconnect window, in seconds.")
    notify_env: NonEmptyText | None = Field(None, description="Its variable for the notification interval, in seconds.")
    progress_env: NonEmptyText | None = Field(None, description="Its variable for the interval of progress lines.")
    rate_envs: Words | None = Field(
        None, description="Its variables for how fast one client may send, which the harness sets to 0: for no limit."
    )
    broker_env: NonEmptyText | None = Field(None, description="Its variable for the URL of a Redis or Valkey.")
    logs: Flag = Field(True, description="Whether what it prints reaches the harness.")
    shutdown_marker: NonEmptyText | None = Field(
        "Waiting for application shutdown.", description="In the line that it prints as lifespan shutdown begins."
    )
    drained_statuses: Statuses = Field((0, -15), description="What it exits with when drained or evicted.")
    forced_statuses: Statuses = Field((130, -2, -15, 0), description="What it exits with when an operator forced it.")
    startup_statuses: Statuses = Field((0, -15, -2, 130), description="What it exits with when stopped in startup.")
    progress_interval_s: Seconds | None = Field(
        None, description="How often it prints a line of progress, in seconds; without `progress_env` 10 s are granted."
    )
    progress_pattern: NonEmptyText = Field(
        r"(?:worker\W+(?P<worker>\d+)\b.*?)?(?:\b(?P<phase>[a-z]+): )?"
        r"\b(?P<left>\d+) connections left, (?P<seconds>[\d.]+) s",
        description="Finds that line, with groups `left` (connections), `worker` (which process) and `phase`, if any.",
    )
    report: Flag = Field(False, description="It prints the drain report, one JSON line.")
    gauge: NonEmptyText | None = Field(None, description="Its metric of the connections left.")
    parent_delay_s: Seconds = Field(0.0, description="How much later a parent process makes everything, in seconds.")
    startup_timeout_s: Seconds = Field(20.0, description="How long its startup may take, in seconds.")
    startup_command: Words | None = Field(
        None, description="A command whose startup takes long; `{startup}` is `slow` or `hanging`."
    )
    limit_options: Words | None = Field(None, description="Added to the command for a limit of `{requests}` requests.")
    reload_options: Words | None = Field(
        None, description="Added to the command so that it reloads when a file in `{folder}` changes."
    )
    ping_options: Words | None = Field(None, description="Added to the command so that it pings twice a second.")
    reference: Flag = Field(False, description="It promises all of this: silence in the warm-up excludes nothing.")

    @property
    def title(self) -> str:
        """The command as a person would type it, or the URL."""
        return self.url or " ".join(self.command)

    @property
    def port(self) -> int | None:
        """The port of a target that something else has started."""
        return None if self.url is None else urlsplit(self.url).port

    def variant(self, field: str) -> Profile:
        """The same target, started by the command in this field. Raises ValueError if it declares None there."""
        words: tuple[str, ...] | None = getattr(self, field)
        if words is None:
            raise ValueError(f"the target declares no {field}")
        return self.changed(command=words if field.endswith("_command") else self.command + words)

    def changed(self, **changes: Any) -> Profile:
        """The same target with these fields changed. Raises ValidationError."""
        return Profile(**{**self.declared, **changes})

    @property
    def declared(self) -> dict[str, Any]:
        """What it says about itself, field by field, without the defaults."""
        return {name: getattr(self, name) for name in self.model_fields_set}


REFERENCE = Profile(
    command=(
        *("{python}", "-m", "uvicorn", f"{SERVER}.main:app"),
        *("--host", "127.0.0.1", "--port", "{port}", "--log-level", "info"),
    ),
    talk_path="/ws/{client}",
    heavy="/ws/heavy",
    envelopes=True,
    drain_timeout_env="SERVER_DRAIN_TIMEOUT_S",
    pace_env="SERVER_EVICT_PER_S",
    close_timeout_env="SERVER_CLOSE_TIMEOUT_S",
    window_env="SERVER_RECONNECT_WINDOW_S",
    notify_env="SERVER_NOTIFY_INTERVAL_S",
    progress_env="SERVER_PROGRESS_INTERVAL_S",
    rate_envs=("SERVER_MESSAGES_PER_S", "SERVER_BYTES_PER_S"),
    broker_env="SERVER_BROKER_URL",
    close_codes=(1012,),
    progress_interval_s=1.0,
    report=True,
    gauge="ebb_connections",
    startup_command=(
        *("{python}", "-m", "uvicorn", f"{SERVER}.examples.slow_startup:{{startup}}"),
        *("--host", "127.0.0.1", "--port", "{port}", "--log-level", "info"),
    ),
    limit_options=("--limit-max-requests", "{requests}"),
    reload_options=("--reload", "--reload-dir", "{folder}"),
    ping_options=("--ws-ping-interval", "0.5", "--ws-ping-timeout", "0.5"),
    level="handover",
    reference=True,
)
