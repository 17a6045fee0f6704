"""The servers that the bench knows by name, and the one that a command line brings.

Owns how each is started, where a text is broadcast and where it comes back. Refuses to know processes.

All servers have the same task: a client's text on `profile.ws` goes to every other client there. The tutorial's server
runs with uvicorn's defaults, except that its log is off: a line for each connection is not part of the comparison.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..targets.declaration import SERVER, Profile
from ..targets.known import LAUNCHER, REFERENCE

AT_ONCE = 1e9  # closes a second: no pace
LIMIT = "limit"
TUTORIAL = f"{__package__}.tutorial:app"
AIOHTTP = f"{__package__}.aiohttp_server"
NODE = Path(__file__).with_name("node.cjs")
CURED = {"CURED": TUTORIAL, "EBB_DRAIN_TIMEOUT_S": "0", "EBB_EVICT_PER_S": f"{AT_ONCE:.0f}"}
# Each message is measured as by default, and none is ever too many.
MET_BY_NOBODY = {
    "SERVER_MESSAGES_PER_S": "1000000",
    "SERVER_MESSAGES_BURST": "1000000",
    "SERVER_BYTES_PER_S": "1000000000",
}
NOTHING: Mapping[str, str] = {}


@dataclass(frozen=True)
class Server:
    """A server that can be measured.

    `echo` is the path on which `echo_text` is answered by one text; None: it has none. With `environment` it closes all
    connections at once when it is told to stop.
    """

    name: str
    profile: Profile
    echo: str | None = None
    echo_text: str = "0123456789abcdef"
    environment: Mapping[str, str] = field(default_factory=dict)


def unpaced(profile: Profile) -> dict[str, str]:
    """The variables with which a server evicts at once and limits nobody's rate; only those that it declares."""
    knobs = {
        profile.drain_timeout_env: 0.0,
        profile.pace_env: AT_ONCE,
        profile.window_env: 0.0,
        profile.notify_env: 0.0,
    }
    return {name: f"{value:.0f}" for name, value in knobs.items() if name} | dict.fromkeys(profile.rate_envs or (), "0")


def _ebb(name: str, profile: Profile, **environment: str) -> Server:
    echo_text = '{"action":"chat","msg":"0123456789abcdef"}'
    return Server(name, profile, "/ws/json", echo_text, unpaced(profile) | environment)


def _tutorial(name: str, *options: str, app: str = TUTORIAL, environment: Mapping[str, str] = NOTHING) -> Server:
    command = ("{python}", "-m", "uvicorn", app, "--port", "{port}", "--log-level", "warning", *options)
    return Server(name, Profile(command=command, ready="/docs"), "/echo", environment=environment)


KNOWN = {
    server.name: server
    for server in (
        _ebb("ebb", LAUNCHER),
        _ebb("ebb-uvicorn", REFERENCE),
        _ebb("ebb-sansio", LAUNCHER, SERVER_PROTOCOL="uvicorn"),
        _ebb("ebb-limited", LAUNCHER, **MET_BY_NOBODY),
        _ebb("ebb-workers", LAUNCHER.changed(command=(*LAUNCHER.command, "--workers", "4"))),
        _tutorial("tutorial"),
        _tutorial("cured", "--factory", app=f"{SERVER}.examples.cured:create", environment=CURED),
        _tutorial("tutorial-plain", "--ws-per-message-deflate", "false"),
        Server("aiohttp", Profile(command=("{python}", "-m", AIOHTTP, "{port}"), ready="/"), "/echo"),
        Server("node", Profile(command=("node", str(NODE), "{port}"), ready="/"), "/echo"),
        Server(LIMIT, Profile(command=("{limit}", "{port}"), ready=None), "/echo"),
    )
}


def foreign(profile: Profile, echo: str | None, echo_text: str | None) -> Server:
    """The server of a command line, with its path and text for echoes."""
    server = Server("yours", profile, echo, environment=unpaced(profile))
    return server if echo_text is None else replace(server, echo_text=echo_text)
