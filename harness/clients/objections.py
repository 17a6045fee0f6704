"""Why a target never let clients in, or closed them before it was told to stop, as far as it says.

Owns the wording, a guess at the reason, and the option that may help. Refuses to know verdicts: the target is not
judged for an objection to what the harness sends. Pure. Source: the status codes of RFC 9110, the close codes of
RFC 6455 (7.4.1) and of the IANA registry (3000 unauthorized, 3003 forbidden).

Rules. Three lines at most: what happened to how many clients, a guess with the option that may help, and the last line
that the target printed, if its own error may be the reason. The most frequent objection is the one explained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from ..history.events import Event

LONGEST = 160  # characters of what the target said
TOKEN = "a token, or another header? --header NAME:VALUE, --cookie NAME=VALUE"
PATH = "another path? --ws PATH"
WORDING = "the wording of what clients say? --say TEXT; or do they only listen? --dialect silent"
SUBPROTOCOL = "a subprotocol? --subprotocol NAME"
FIRST = "a first message that it waits for? --first TEXT, --let-in PATTERN"
FEWER = "a limit of connections? --clients N"

OF_STATUS = {
    400: f"{SUBPROTOCOL}; {PATH}",
    401: TOKEN,
    403: f"{PATH}; a token or an origin? --header NAME:VALUE, --cookie NAME=VALUE",
    404: PATH,
    426: SUBPROTOCOL,
    429: FEWER,
    503: FEWER,
}
OF_CLOSE = {1002: SUBPROTOCOL, 1008: TOKEN, 3000: TOKEN, 3003: TOKEN, 4401: TOKEN, 4403: TOKEN, 1013: FEWER}
ABOUT_TEXTS = frozenset({1003, 1007, 1008, 1011})
ITS_OWN_ERROR, SERVER_ERROR = 1011, 500
NO_STATUS = 1005  # stands for a close frame without a code (RFC 6455, 7.1.5)


class Objection(NamedTuple):
    """What happened to a client, in words, and what may help. `error`: it may be an error in the target itself."""

    what: str
    guess: str
    error: bool = False


def explain(events: Iterable[Event], lost: Collection[str], of: int) -> str:
    """What a target said to the clients that were `lost`, of `of` clients, and what may help: three lines at most."""
    lives: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in lost}
    printed = ""
    for _, who, what, detail in events:
        if who in lives:
            lives[who].setdefault(what, detail)
        elif (who, what) == ("target", "line"):
            printed = detail["text"].strip() or printed
    counted = Counter(objection(life) for life in lives.values())
    (main, count), *others = counted.most_common()
    rest = "".join(f"; {number}: {other.what}" for other, number in others[:2])
    lines = [f"{len(lost)} of {of} clients were lost before the target was told to stop; {count}: {main.what}{rest}"]
    lines += [f"  {main.guess}"]
    lines += [f"  it printed last: {printed[:LONGEST]}"] if main.error and printed else []
    return "\n".join(lines)


def objection(life: Mapping[str, Mapping[str, Any]]) -> Objection:
    """What the events of one client say about it: the first of each kind."""
    path = life["connecting"]["path"] if "connecting" in life else "its path"
    if refused := life.get("refused"):
        return _refused(refused["status"], refused.get("said", ""), path)
    if failed := life.get("failed"):
        return Objection(f"the handshake on {path} failed: {failed['error']}", f"{PATH}; {SUBPROTOCOL}")
    close = life.get("close_received")
    if not_in := life.get("not_let_in"):
        guess = OF_CLOSE.get(close["code"], FIRST) if close else FIRST
        return Objection(f"connected to {path} and never let in: {not_in['reason']}", guess)
    spoke = "sent" in life
    if close:
        return _closed(close["code"], close["reason"], spoke)
    if ended := life.get("ended"):
        return Objection(f"ended by {ended['how']} without a close frame", WORDING if spoke else FIRST, True)
    return Objection(f"no answer at all on {path}", PATH)


def _refused(status: int, said: str, path: str) -> Objection:
    guess = OF_STATUS.get(status, "an error of its own?" if status >= SERVER_ERROR else PATH)
    words = f" ({said[:LONGEST]})" if said else ""
    return Objection(f"refused with HTTP {status}{words} on {path}", guess, status >= SERVER_ERROR)


def _closed(code: int, reason: str, spoke: bool) -> Objection:
    after = " after its first text" if spoke else " before it had said anything"
    said = f" ({reason[:LONGEST]})" if reason else ""
    with_code = "without a code" if code == NO_STATUS else f"with {code}"
    first = f"{SUBPROTOCOL}; {FIRST}" if code == NO_STATUS else FIRST
    guess = WORDING if spoke and code in ABOUT_TEXTS else OF_CLOSE.get(code, WORDING if spoke else first)
    return Objection(f"closed {with_code}{said}{after}", guess, code in (ITS_OWN_ERROR, NO_STATUS))
