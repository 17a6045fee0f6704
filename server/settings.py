"""The settings: environment variables with the prefix `SERVER_`.

Owns every setting, its default and its bounds. Durations are in seconds; 0 is off for the optional ones.
A wrong value ends startup with one line that names the variable, the value and what is allowed.
"""

from __future__ import annotations

import argparse
import math
import re
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, NoReturn
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from .drain.events import EXIT_S, DrainTerms
from .limits.addresses import Addresses, Network, networks_of
from .limits.rate import Rate, Rates
from .protocol.bounds import Bounds

PREFIX = "SERVER_"
NONE = "none"

BYTES_BURST_S = 2.0

ORIGIN = r"https?://[^\s,;/]+"

AtLeast0 = Annotated[float, Field(ge=0, allow_inf_nan=False)]
MoreThan0 = Annotated[float, Field(gt=0, allow_inf_nan=False)]


def names_proxies(text: str) -> str:
    """Raise ValueError unless it is `none`, or addresses and networks."""
    if text != NONE:
        networks_of(text)
    return text


class DrainSettings(BaseSettings):
    """What an operator may set for a drain, and for each connection."""

    model_config = SettingsConfigDict(frozen=True)

    drain_timeout_s: AtLeast0 = Field(1800, description="seconds from the signal to the deadline, 0 or more")
    drain_grace_s: AtLeast0 = Field(0, description="least seconds of draining, even with nobody left, 0 or more")
    evict_per_s: MoreThan0 = Field(1000, description="connections closed a second after the deadline, more than 0")
    close_timeout_s: MoreThan0 = Field(10, description="seconds that one closing handshake may take, more than 0")
    reconnect_window_s: AtLeast0 = Field(30, description="seconds over which reconnects are spread, 0 or more")
    progress_interval_s: MoreThan0 = Field(10, description="seconds between progress lines of a drain, more than 0")
    outbox_bytes: int = Field(1048576, ge=1024, description="bytes that may wait for one client, 1024 or more")
    inbox_messages: int = Field(64, ge=1, description="messages of one client that may wait for an answer, 1 or more")
    stop_budget_s: AtLeast0 = Field(0, description="seconds that the platform grants after its signal, 0 for unknown")

    @property
    def drain_terms(self) -> DrainTerms:
        """The part that the drain needs."""
        return DrainTerms(
            drain_timeout_s=self.drain_timeout_s,
            grace_s=self.drain_grace_s,
            evict_per_s=self.evict_per_s,
            close_timeout_s=self.close_timeout_s,
            reconnect_window_s=self.reconnect_window_s,
            progress_interval_s=self.progress_interval_s,
        )


class Settings(DrainSettings):
    """What an operator may set. Each description says what is allowed."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, hide_input_in_errors=True)

    notify_interval_s: AtLeast0 = Field(10, description="seconds between notifications, 0 for none")
    notify_text: str = Field("Test notification", description="text of the periodic notification")
    broker_url: str = Field(
        "memory://",
        pattern=r"^(memory://|embedded://|(redis|rediss|unix)://.+)$",
        description="memory://, redis://HOST, rediss://HOST, unix://PATH or embedded://",
        repr=False,  # it may hold a password: its value is in no error either
    )
    embedded_bytes: int = Field(
        268435456, ge=16777216, description="bytes of memory of the private Valkey, 16777216 or more"
    )
    history_messages: int = Field(10_000, ge=1, description="messages kept for clients that come back, 1 or more")
    history_bytes: int = Field(67108864, ge=65536, description="bytes of memory for these, 65536 or more")
    history_share_percent: MoreThan0 = Field(
        5, le=100, description="percent of these that nobody can take from one sender, more than 0, 100 at most"
    )
    keys_per_name: int = Field(
        1000, ge=1, description="last messages of one name that are recognised when repeated, 1 or more"
    )
    session_ttl_s: MoreThan0 = Field(300, description="seconds that an idle session's state is kept, more than 0")
    max_sessions: int = Field(20_000, ge=1, description="sessions of one process, 1 or more")
    idle_timeout_s: AtLeast0 = Field(0, description="seconds after which an idle session is closed, 0 for never")
    max_connections: int = Field(
        0, ge=0, description="connections of one process, 0 for four fifths of its descriptors"
    )
    reserved_descriptors: int = Field(
        64, ge=0, description="descriptors of a process that no client gets, 0 or more, a quarter of all at most"
    )
    max_message_bytes: int = Field(65536, ge=1, description="bytes of one message from a client, 1 or more")
    connections_per_address: int = Field(200, ge=0, description="connections of one address, 0 for any number")
    handshakes_per_s: AtLeast0 = Field(
        20, description="handshakes of one address a second, and wrong tokens over HTTP, 0 for any number"
    )
    handshakes_burst: int = Field(
        100, ge=1, description="handshakes of one address at once, and wrong tokens, 1 or more"
    )
    trusted_proxies: Annotated[str, AfterValidator(names_proxies)] = Field(
        NONE, description="none, or addresses and networks, 10.0.0.0/8,...: their X-Forwarded-For counts"
    )
    max_name_bytes: int = Field(
        128, ge=1, le=200, description="bytes of the name of a client, a room or a session, 1 to 200"
    )
    messages_per_s: AtLeast0 = Field(50, description="messages of one client a second, 0 for any number")
    messages_burst: int = Field(100, ge=1, description="messages of one client at once, 1 or more")
    bytes_per_s: AtLeast0 = Field(262144, description="bytes of the messages of one client a second, 0 for any number")
    control_per_s: AtLeast0 = Field(
        10, description="pings, and pongs that nobody asked for, of one client a second, 0 for any number"
    )
    control_burst: int = Field(50, ge=1, description="of these at once, 1 or more")
    max_head_bytes: int = Field(8192, ge=1024, description="bytes of the head of one HTTP request, 1024 or more")
    max_headers: int = Field(64, ge=8, description="headers of one HTTP request, 8 or more")
    head_timeout_s: MoreThan0 = Field(
        5, description="seconds in which the head of a request arrives, and a TLS handshake, more than 0"
    )
    body_timeout_s: MoreThan0 = Field(10, description="seconds in which the body of a request arrives, more than 0")
    max_body_bytes: int = Field(1048576, ge=1024, description="bytes of one HTTP request's body, 1024 or more")
    max_publish_bytes: int = Field(
        262144, ge=1024, le=900_000, description="bytes of one message as JSON, any way in, 1024 to 900000"
    )
    protocol: str = Field(
        "ebb",
        pattern="^(ebb|uvicorn)$",
        description="ebb: our own class for each connection; uvicorn: uvicorn's",
    )
    log_level: str = Field("info", pattern="^(debug|info|warning|error)$", description="debug, info, warning or error")
    log_format: str = Field("text", pattern="^(text|json)$", description="text or json")
    tracing: bool = Field(False, description="true: OpenTelemetry has a span for each publish; false: none")
    metrics_dir: str = Field(
        "none", min_length=1, description="none, or a folder that all processes of one port share for their numbers"
    )
    places: str = Field(
        "none",
        pattern=r"^(none|wss?://[^\s,;\"']+(,wss?://[^\s,;\"']+)*)$",
        description="none, or where this service is, ws://HOST/ws,ws://OTHER/ws: the page moves between these",
    )

    auth: str = Field(NONE, pattern="^(none|token|jwt)$", description="who may come in: none (anybody), token or jwt")
    token: str = Field(NONE, description="the token of SERVER_AUTH=token: 16 or more of A-Z a-z 0-9 ._~+-", repr=False)
    jwt_keys: str = Field(NONE, description="file with the keys of an issuer: JWK set, PEM, or a secret of 32 bytes")
    jwt_issuer: str = Field(NONE, description="none, or what the claim `iss` must be")
    jwt_audience: str = Field(NONE, description="none, or what the claim `aud` must name")
    renew_within_s: AtLeast0 = Field(60, description="seconds before a token expires that its client is warned")
    allowed_origins: str = Field(
        "same",
        pattern=rf"^(same|\*|{ORIGIN}(,{ORIGIN})*)$",
        description="pages that may connect: same (of this host), https://SHOP,... besides, or * for all",
    )
    public: str = Field(
        NONE,
        pattern="^(none|metrics|docs|metrics,docs)$",
        description="what needs no token: none, metrics, docs or both",
    )
    anyone: bool = Field(False, description="true: serve other machines although SERVER_AUTH is none")
    worker: int = Field(0, ge=0, description="number of this process among those of its launcher, which sets it")

    @property
    def most_connections(self) -> float:
        """How many connections one process has at most: descriptors are left for everything else."""
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        unlimited = descriptors == resource.RLIM_INFINITY
        return self.max_connections or (math.inf if unlimited else descriptors * 4 // 5)

    @property
    def rates(self) -> Rates:
        """How fast one client may send: two seconds' worth of bytes at once, and one message of any size."""
        bytes_burst = max(BYTES_BURST_S * self.bytes_per_s, self.max_message_bytes)
        return Rates(Rate(self.messages_per_s, self.messages_burst), Rate(self.bytes_per_s, bytes_burst))

    @property
    def post_rates(self) -> Rates:
        """How fast somebody may publish over HTTP: as a client may, and one body of any size."""
        bytes_burst = max(BYTES_BURST_S * self.bytes_per_s, self.max_body_bytes)
        return Rates(self.rates.messages, Rate(self.bytes_per_s, bytes_burst))

    @property
    def bounds(self) -> Bounds:
        """The bounds of each TCP connection."""
        return Bounds(
            message_bytes=self.max_message_bytes,
            head_bytes=self.max_head_bytes,
            headers=self.max_headers,
            head_s=self.head_timeout_s,
            body_s=self.body_timeout_s,
            close_s=self.close_timeout_s,
            control=Rate(self.control_per_s, self.control_burst),
        )

    @property
    def addresses(self) -> Addresses:
        """How much one address may take."""
        return Addresses(self.connections_per_address, self.handshakes)

    @property
    def handshakes(self) -> Rate:
        """How many handshakes one address may begin."""
        return Rate(self.handshakes_per_s, self.handshakes_burst)

    @property
    def proxies(self) -> tuple[Network, ...]:
        """The proxies whose word counts."""
        return () if self.trusted_proxies == NONE else networks_of(self.trusted_proxies)

    @property
    def place_urls(self) -> tuple[str, ...]:
        """The WebSocket URLs between which the page moves."""
        return () if self.places == "none" else tuple(self.places.split(","))

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins beside the server's own whose pages may connect: those of its other places, too."""
        named = () if self.allowed_origins == "same" else tuple(self.allowed_origins.split(","))
        places = map(urlsplit, self.place_urls)
        return named + tuple(f"{url.scheme.replace('ws', 'http')}://{url.netloc}" for url in places)

    @property
    def public_parts(self) -> tuple[str, ...]:
        """What needs no token beside the page and the probes."""
        return () if self.public == NONE else tuple(self.public.split(","))

    @property
    def metrics_folder(self) -> Path | None:
        """The folder in which the processes of one port ask each other for their numbers."""
        return None if self.metrics_dir == "none" else Path(self.metrics_dir)


class OneLineParser(argparse.ArgumentParser):
    """Reads a command line, and says in one line what is wrong with it."""

    def error(self, message: str) -> NoReturn:
        """Exit with 2. Of a URL in `message` no password is said."""
        self.exit(2, f"{self.prog}: {re.sub(r'://[^ ]*@', '://...@', message)} (--help shows what there is)\n")


def load() -> Settings:
    """Read the settings from the environment. A wrong value exits with status 1 and one line for each."""
    try:
        settings = Settings()
    except ValidationError as error:
        raise SystemExit("\n".join(explained(Settings, error))) from None
    _, needed_s = stop_budget(settings)
    if 0 < settings.stop_budget_s < needed_s:
        granted = f"{PREFIX}STOP_BUDGET_S={settings.stop_budget_s:g}"
        raise SystemExit(f"{granted} is not enough: {stop_budget(settings)[0]}")
    return settings


def stop_budget(settings: DrainSettings) -> tuple[str, float]:
    """Say what a platform must grant between its signal and its kill, and give the sum in seconds.

    There can be no more connections than descriptors, so that many are counted.
    """
    terms = settings.drain_terms
    connections, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed_s = math.ceil(terms.longest_s(connections))
    parts = (
        f"{max(terms.drain_timeout_s, terms.grace_s):g} s drain",
        f"{connections / terms.evict_per_s:g} s to close up to {connections} connections",
        f"{terms.close_timeout_s:g} s close timeout",
        f"{EXIT_S:g} s to exit",
    )
    return f"a stop takes up to {needed_s} s: {' + '.join(parts)}", needed_s


def explained(settings: type[DrainSettings], error: ValidationError) -> Iterator[str]:
    """Say of each wrong value which setting it is for, and what is allowed."""
    prefix = settings.model_config["env_prefix"]
    for field in error.errors():
        name = str(field["loc"][0])
        known = settings.model_fields.get(name)
        allowed = f"is not allowed: {known.description}" if known else "is no setting"
        value = "..." if known and not known.repr else repr(field["input"])
        yield f"{prefix}{name.upper()}={value} {allowed}"
