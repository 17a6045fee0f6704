"""What a target declares about itself, and what is asked of it.

Owns the two halves that meet in a run: the `Profile` (how the target is started, where its endpoints are,
which environment variables carry its knobs) and the `Ask` (how many clients, which drain timeout). The `Terms` of
`harness.history.terms` follow from both. Refuses to know processes and sockets. Pure.

What a target declares not to have (None) is excluded from judgement; what it merely lacks fails. A profile cannot be
made with a wrong value: Pydantic's ValidationError says what is allowed instead.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from .talk import Talk
from .values import NonEmptyText, Seconds, UrlPath, allowed


def _split(words: Any) -> Any:
    return shlex.split(words) if isinstance(words, str) else words


def _with_a_reason(entry: Any) -> Any:
    return {"reason": entry} if isinstance(entry, str) else entry


class Known(BaseModel):
    """A failure that is expected: why, and whether it comes and goes (`flaky`), so that a pass is no error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: Annotated[str, Field(min_length=1)]
    flaky: Annotated[bool, Field(strict=True)] = False


Level = Literal["clean", "drain", "handover"]
KnownFailures = Annotated[
    dict[Annotated[int, Field(ge=1)], Annotated[Known, BeforeValidator(_with_a_reason)]],
    allowed('a table: { "13" = "why it fails" }, or { "13" = { reason = "why", flaky = true } }'),
]
DialectName = Literal["broadcast", "echo", "envelope", "silent"]
Words = Annotated[
    tuple[str, ...], Field(min_length=1), BeforeValidator(_split), allowed("words, as a list or in one text")
]
Statuses = Annotated[
    tuple[Annotated[int, Field(strict=True)], ...], Field(min_length=1), allowed("a list of exit statuses")
]
Rate = Annotated[float, Field(strict=True, gt=0, allow_inf_nan=False), allowed("closes a second, above 0")]
CloseCodes = Annotated[
    tuple[Annotated[int, Field(strict=True, ge=1000, le=4999)], ...],
    Field(min_length=1),
    allowed("a list of close codes, 1000 to 4999"),
]
Count = Annotated[int, Field(strict=True, ge=1), allowed("a whole number, 1 or more")]
Flag = Annotated[bool, Field(strict=True), allowed("true or false")]

# The reference server stands beside the harness, in a checkout and in the package `ebb`; no module of it is imported.
SERVER = f"{__package__.removesuffix('harness.targets')}server"


@dataclass(frozen=True)
class Ask:
    """What a run asks of the target: how many clients, drain timeout, close timeout X, the dice.

    `quiet`: no broadcasts and no notifications; in a very large crowd each of them would keep the harness from looking.
    `starvation`: the target's wait for a core is recorded, where the system says it. `say_per_s`: how much each client
    that talks says in a second; None: as much as suits the crowd.
    """

    clients: int = 500
    timeout_s: float = 5.0
    close_timeout_s: float = 3.0
    seed: int = 0
    quiet: bool = False
    starvation: bool = True
    say_per_s: float | None = None


class Profile(BaseModel):
    """A server as it declares itself.

    `command` has `{port}` (and may have `{python}`, this interpreter) as placeholders; `ws` and `talk_path` may
    have `{client}` and `{number}`. `talk_path` is the path on which a sender is answered, where it is not `ws`; `heavy`
    one on which an answer takes a core for a while. `talk`: how its clients talk, where `dialect` does not say enough.
    `drain_timeout_s`, `pace_per_s` and `close_timeout_s` are what it promises
    whoever starts it, and `close_codes` what it may say goodbye with; None: undeclared. The `*_env` names are the
    environment variables that take each knob, in seconds or per second, `broker_env` the one that takes the URL of a
    Redis or Valkey; None: no such knob.
    `shutdown_marker` is in the line that it prints when its lifespan shutdown begins. The `*_statuses` are what it may
    exit with: drained or evicted, forced by an operator, stopped in startup. `progress_interval_s` is how often it
    prints a line that `progress_pattern` finds (None: it does not): its group `left` is how many connections are left,
    and its group `worker`, if it has one, which process says so. `report`: it prints the drain report; `gauge` names
    the metric of connections left. `envelopes`: it speaks the subprotocol `ebb.v1` beside its dialect.
    `broadcasts`: what one client says reaches all others. `processes`: how many serve side by side; `divides_pace`: it
    is given the pace of all of them together, and divides it. `level`: what the exit status of the harness is about;
    `known`: the clauses, by number, that are expected to fail. `reference`: it promises all that, so that silence in
    the warm-up excludes nothing.

    Some scenarios start it in another way: `startup_command` is a whole command whose startup takes long (`{startup}`
    is `slow` or `hanging`); the `*_options` are words to add to `command`, for a request limit of `{requests}`, for a
    reload when a file in `{folder}` changes, for pings twice a second. None: it has no such thing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    command: Words
    ready: UrlPath | None = "/ready"
    health: UrlPath | None = "/health"
    metrics: UrlPath | None = "/metrics"
    broadcast: UrlPath | None = "/broadcast"
    ws: UrlPath = "/ws"
    talk_path: UrlPath | None = None
    heavy: UrlPath | None = None
    dialect: Annotated[DialectName, allowed(f"one of {', '.join(get_args(DialectName))}")] = "broadcast"
    talk: Annotated[Talk, allowed("a table of how its clients talk")] | None = None
    envelopes: Flag = False
    broadcasts: Flag = True
    processes: Count = 1
    divides_pace: Flag = False
    level: Annotated[Level, allowed(f"one of {', '.join(get_args(Level))}")] = "clean"
    known: KnownFailures = {}
    drain_timeout_s: Seconds | None = None
    pace_per_s: Rate | None = None
    close_timeout_s: Seconds | None = None
    close_codes: CloseCodes | None = None
    timeout_env: NonEmptyText | None = None
    pace_env: NonEmptyText | None = None
    close_timeout_env: NonEmptyText | None = None
    window_env: NonEmptyText | None = None
    notify_env: NonEmptyText | None = None
    progress_env: NonEmptyText | None = None
    broker_env: NonEmptyText | None = None
    shutdown_marker: NonEmptyText | None = "Waiting for application shutdown."
    drained_statuses: Statuses = (0, -15)
    forced_statuses: Statuses = (130, -2, -15, 0)
    startup_statuses: Statuses = (0, -15, -2, 130)
    progress_interval_s: Seconds | None = None
    progress_pattern: NonEmptyText = (
        r"(?:worker\W+(?P<worker>\d+)\b.*)?\b(?P<left>\d+) connections left, (?P<seconds>[\d.]+) s"
    )
    report: Flag = False
    gauge: NonEmptyText | None = None
    parent_delay_s: Seconds = 0.0
    startup_timeout_s: Seconds = 20.0
    startup_command: Words | None = None
    limit_options: Words | None = None
    reload_options: Words | None = None
    ping_options: Words | None = None
    reference: Flag = False

    @property
    def title(self) -> str:
        """The command as a person would type it."""
        return " ".join(self.command)

    def variant(self, field: str) -> Profile:
        """The same target, started as one of its own fields says. Raises ValueError where it declares None there."""
        words: tuple[str, ...] | None = getattr(self, field)
        if words is None:
            raise ValueError(f"the target declares no {field}")
        return self.changed(command=words if field.endswith("_command") else self.command + words)

    def changed(self, **changes: Any) -> Profile:
        """The same target but for these fields. Raises ValidationError."""
        return Profile(**{**dict(self), **changes})


REFERENCE = Profile(
    command=(
        *("{python}", "-m", "uvicorn", f"{SERVER}.main:app"),
        *("--host", "127.0.0.1", "--port", "{port}", "--log-level", "info"),
    ),
    talk_path="/ws/{client}",
    heavy="/ws/heavy",
    envelopes=True,
    timeout_env="SERVER_DRAIN_TIMEOUT_S",
    pace_env="SERVER_EVICT_PER_S",
    close_timeout_env="SERVER_CLOSE_TIMEOUT_S",
    window_env="SERVER_RECONNECT_WINDOW_S",
    notify_env="SERVER_NOTIFY_INTERVAL_S",
    progress_env="SERVER_PROGRESS_INTERVAL_S",
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
