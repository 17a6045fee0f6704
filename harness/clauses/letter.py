"""Clause 35: what the server sends once it was told to stop obeys RFC 6455.

Owns: how many connections were held to that, and which were sent what may not be sent. What that is the clients know,
who read each frame. Of several hosts, which are told to stop one after another, the first stop begins it. Source:
contract, section Observability; RFC 6455 §5, §7.4, §8.1.
"""

from __future__ import annotations

from ..history.record import History
from ..history.resume_run import ResumeRun
from .registry import clause_of_history
from .verdict import Judgement, Offence, accuse, passed, too_few, unknown

LEAST_CONNECTIONS = 3


@clause_of_history(
    35,
    "to-the-letter",
    to_do="send nothing after a close frame, only registered codes, only UTF-8, and every message to its end",
)
def to_the_letter(history: History) -> Judgement:
    """What the server sends obeys RFC 6455 from t0 on.

    Nothing after its close frame, valid close codes, UTF-8, no mask, no message in fragments left open.
    """
    since = next((event.t for event in history.events if event.what in ("signal", "cause")), None)
    if since is None:
        return unknown("the target was never told to stop: no signal and no other cause is on record")
    opened = sum(event.what == "opened" for event in history.events)
    held = opened - sum(event.what == "ended" and event.t < since for event in history.events)
    broken = [event for event in history.events if event.what == "violated" and event.t >= since]
    if broken:
        firsts = {
            event.who: event for event in reversed(broken)
        }.values()  # what follows on a connection follows from it
        offences = [Offence(event.t, event.who, event.detail["how"]) for event in firsts]
        return accuse(
            history.drain or ResumeRun(history), offences, held, "connections were sent what RFC 6455 forbids"
        )
    if held < LEAST_CONNECTIONS:
        return too_few(held, LEAST_CONNECTIONS, "connections from t0 on")
    return passed(f"{held} connections were sent nothing that RFC 6455 forbids", held)
