"""What a survey found out about a target, and what follows from it.

Owns the candidates that are tried, the profile that follows from the findings, and the findings in a few lines, each
with the option that overrides it. Refuses to know how anything was found. Pure. A declaration overrides what was found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .declaration import Profile
from .talk import Talk

HTTP_PATHS: dict[str, tuple[str, ...]] = {
    "ready": ("/ready", "/readyz", "/readiness", "/health/ready"),
    "health": ("/health", "/healthz", "/live", "/livez", "/health/live", "/_stcore/health"),
    "metrics": ("/metrics",),
}
BROADCAST_PATHS = ("/broadcast",)
WS_PATHS = (
    *("/ws", "/", "/ws/{client}", "/ws/{number}", "/websocket", "/ws/chat/lobby/", "/ws/chat/{client}/", "/ws/chat"),
    *("/chat", "/chatsocket", "/echo", "/feed", "/socket", "/stream", "/_stcore/stream", "/cable", "/graphql", "/ws/"),
    "/api/events/subscribe",  # Jupyter Server
)
# Where a server puts a protocol that is shipped, beside where that usually lives: NiceGUI.
PROTOCOL_PATHS = {"socket.io": ("/_nicegui_ws/socket.io/?EIO=4&transport=websocket",)}
# What is tried where plain text reaches nobody: the text under each of the names that chats commonly give it.
AS_JSON = '{"type": "message", "message": "{token}", "text": "{token}", "body": "{token}", "data": "{token}"}'
# What a browser says and other clients do not: Django Channels refuses who says no origin that it allows.
ORIGIN = {"Origin": "http://127.0.0.1"}
# The line that a server prints as its lifespan shutdown begins: uvicorn 0.54 and gunicorn's uvicorn worker.
SHUTDOWN_MARKERS = ("Waiting for application shutdown.",)
CALM_STOP_WITHIN_S = 1.0  # clause 16
# A server that ends by the signal itself, or with its number and 128, does so on SIGINT as on SIGTERM.
OF_A_SIGINT = {-15: (-2,), 143: (130,)}
OF_A_PARENT_S = 0.6  # measured on uvicorn 0.54's own parent, which looks for signals twice a second

NAMES_ITS_PATH = "--ws PATH names its path"

OPTIONS = {"ws": "--ws", "ready": "--ready", "health": "--health", "metrics": "--metrics", "broadcast": "--broadcast"}
WHAT = {"ws": "websocket", "ready": "readiness", "health": "liveness", "metrics": "metrics", "broadcast": "broadcast"}


@dataclass(frozen=True)
class Hearing:
    """How often a text that one client said came back to it, and how many of the other clients it reached.

    Where it reached some and not all, several processes serve that share nothing, or there are rooms: then nobody is
    owed a broadcast.
    """

    sender: int
    others: int
    of: int

    @property
    def broadcasts(self) -> bool:
        """Whether what one client says reaches all others."""
        return self.others == self.of

    @property
    def dialect(self) -> str:
        """The dialect that this is."""
        if not self.sender:
            return "others" if self.others else "silent"
        if not self.others:
            return "echo"
        return "broadcast" if self.sender == 1 else "twice"

    @property
    def said(self) -> str:
        """In words."""
        sender = {0: "", 1: "the sender"}.get(self.sender, f"the sender ({self.sender} times)")
        others = "" if not self.others else "all others" if self.broadcasts else f"{self.others} of {self.of} others"
        return f"heard by {' and '.join(filter(None, (sender, others))) or 'nobody'}"


@dataclass(frozen=True)
class CalmStop:
    """How the target ended with nobody connected: after `took_s` seconds, with `status`; None: it had to be killed.

    `lines`: how many it printed in all. `shutdowns`: how often the shutdown marker was among those after the signal.
    `processes`: how many of its processes were seen.
    """

    took_s: float | None
    status: int | None
    lines: int
    marker: str | None
    shutdowns: int
    processes: int = 1

    @property
    def workers(self) -> int:
        """How many of them serve: of several each shuts down, and their parent is one more.

        A marker that comes more often than that is the fault of a single one.
        """
        return self.shutdowns if 1 < self.shutdowns < self.processes else 1


@dataclass(frozen=True)
class Findings:
    """What was found. `paths`: of each kind the path that answered, or None; `tried`: what each candidate said.

    `objection`: why the target let no client in, or closed one for what it said: there is nothing to judge.
    `talk`: what clients had to do to be let in and heard, where more than plain text was needed.
    """

    declared: Profile
    paths: dict[str, str | None]
    tried: dict[str, dict[str, str]]
    hearing: Hearing | None
    stop: CalmStop
    closed_with: str | None = None
    objection: str | None = None
    talk: Talk | None = None

    @property
    def profile(self) -> Profile:
        """The target as it was declared, and as it was found where it was not."""
        found: dict[str, Any] = {name: path for name, path in self.paths.items() if path is not None or name != "ws"}
        if self.hearing is not None:
            found |= {"dialect": self.hearing.dialect, "broadcasts": self.hearing.broadcasts}
        if self.stop.workers > 1:
            # The clients of the survey may all have come to one process: what a text reaches beyond is declared.
            found |= {"processes": self.stop.workers, "parent_delay_s": OF_A_PARENT_S, "broadcasts": False}
        if self.talk is not None:
            found["talk"] = self.talk
        found |= {"shutdown_marker": self.stop.marker, "logs": self.stop.lines > 0}
        if self.stop.status is not None:
            found["drained_statuses"] = tuple(
                dict.fromkeys((self.stop.status, 0, *OF_A_SIGINT.get(self.stop.status, ())))
            )
        undeclared = {name: value for name, value in found.items() if name not in self.declared.model_fields_set}
        return self.declared.changed(**undeclared)

    def lines(self) -> list[str]:
        """The findings for a person, one a line: what, what was found, and the option that overrides it."""
        rows = [*self._path_rows(), self._hearing_row(), *self._stop_rows()]
        return [f"  {what:<10} {found:<57} {option}".rstrip() for what, found, option in rows]

    def _path_rows(self) -> Iterator[tuple[str, str, str]]:
        for name, path in self.paths.items():
            tried = self.tried.get(name, {})
            if name in self.declared.model_fields_set:
                yield WHAT[name], f"{path or 'none'} (declared)", ""
            elif path is not None:
                origin = name == "ws" and self.talk is not None and self.talk.headers == ORIGIN
                said = f"{tried[path]}, with an Origin; without, 403" if origin else tried[path]
                yield WHAT[name], f"{path} ({said})", f"{OPTIONS[name]} PATH"
            else:
                yield WHAT[name], f"none: {_in_short(tried)}", f"{OPTIONS[name]} PATH"

    def _hearing_row(self) -> tuple[str, str, str]:
        if "dialect" in self.declared.model_fields_set:
            return "a text", f"dialect {self.declared.dialect} (declared)", ""
        if self.hearing is None:
            return "a text", f"not tried: {self.closed_with or 'no client was let in'}", "--dialect NAME"
        closed = f", and was answered by {self.closed_with}" if self.closed_with else ""
        if self.talk is not None and self.talk.say == AS_JSON:
            return "a text", f"{self.hearing.said}, said in JSON: {self.hearing.dialect}", "--say TEXT"
        of_one = ", perhaps within one process" if self.stop.workers > 1 and self.hearing.broadcasts else ""
        return "a text", f"{self.hearing.said}{of_one}{closed}: {self.hearing.dialect}", "--dialect NAME"

    def _stop_rows(self) -> Iterator[tuple[str, str, str]]:
        stop = self.stop
        if stop.took_s is None:
            yield "calm stop", "with nobody connected it did not exit: clauses 16, 17, 20", ""
        else:
            late = f" (limit {CALM_STOP_WITHIN_S:g} s: clause 16)" if stop.took_s > CALM_STOP_WITHIN_S else ""
            yield "calm stop", f"exit status {stop.status} after {stop.took_s:.3f} s{late}", "--drained-status N"
        printed = f"{stop.lines} lines" if stop.lines else "nothing was printed, or its output goes elsewhere"
        yield "output", printed, ""
        marker = f"{stop.marker!r}" if stop.marker else "no line that is known to mark lifespan shutdown"
        each = f", by each of {stop.workers} processes" if stop.workers > 1 else ""
        yield "shutdown", f"{marker}{each}", "--shutdown-marker TEXT"


def _in_short(tried: dict[str, str]) -> str:
    """What the candidates said, those that said the same together: `404 on /ready, /readyz`."""
    of_each: dict[str, list[str]] = {}
    for path, said in tried.items():
        of_each.setdefault(said, []).append(path)
    shown = [
        f"{said} on {', '.join(paths[:2])}{' and others' if len(paths) > 2 else ''}" for said, paths in of_each.items()
    ]
    return "; ".join(shown[:2])


def marker_in(lines: Sequence[str]) -> str | None:
    """The shutdown marker that is in what was printed after the signal; None where none that is known is."""
    return next((marker for marker in SHUTDOWN_MARKERS if any(marker in line for line in lines)), None)


def why_nobody_got_in(tried: dict[str, str]) -> str:
    """What the candidates for the WebSocket said, and what that may mean."""
    token = "it wants a token: --header 'Authorization: Bearer ...', --cookie NAME=VALUE, --first TEXT"
    hints = {
        "401": "401: it wants a token: --header 'Authorization: Bearer ...'",
        "403": "403: another path, a token or an origin: --ws PATH, --header 'NAME: VALUE'",
        "400": "400: another subprotocol or parameters in the path: --subprotocol NAME, --ws PATH",
        "426": "426: another subprotocol: --subprotocol NAME",
        **{f"101, and then a close with {code}": f"{code}: {token}" for code in (1008, 3000, 3003, 4401, 4403)},
    }
    said, hint = next(((said, hint) for said, hint in hints.items() if said in tried.values()), ("", NAMES_ITS_PATH))
    likeliest_first = {path: tried[path] for path in sorted(tried, key=lambda path: tried[path] != said)}
    return f"no path let a client in: {_in_short(likeliest_first)} ({hint})"
