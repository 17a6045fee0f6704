"""Clause 33: clients that reconnect and resume get every message exactly once and in order, however often they move.

Owns the verdict on what `delivery` has counted, how often each client was moved while hosts were replaced, and the
figures that go with it: the longest silence of each client while messages were published, and the most reconnects in a
second. The same judge serves runs in which no host is replaced (an outage of the broker): then no moves are required.
A message that a `gap` announced as missing is missing all the same, unless the harness had emptied the broker. Source:
contract, section Many workers, many hosts.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..history.reconnecting import ReconnectingClientView
from ..history.record import History
from ..history.resume_run import ResumeRun
from .delivery import Delivery, count
from .outage import look
from .registry import clause_of_history
from .verdict import Judgement, Offence, busy, by_kind, excuse, failed, passed, too_few, unknown

LEAST_CLIENTS = 10
LEAST_MESSAGES = 50
SECOND_S = 1.0


@clause_of_history(
    33,
    "rolling",
    to_do="keep a log of what was sent, replay from the client's position, and say so when it no longer reaches back",
)
def rolling(history: History) -> Judgement:
    """A client that reconnects and resumes gets every message once and in order, and is moved once a host at most."""
    run = ResumeRun(history)
    clients = [client for client in run.clients if client.since is not None]
    if not clients:
        return unknown("no reconnecting client was ever connected")
    delivery, outage = count(run), look(history, run)
    offences = _offences(run, delivery, clients) + outage.offences
    counted = "; ".join((f"{_counted(delivery)} of {delivery.due} due", _figures(run, clients), *outage.figures))
    if offences:
        excuses = [excuse(run, offence.delay) for offence in offences]
        stand = [offence for offence, why in zip(offences, excuses, strict=True) if why is None]
        said = f"{counted}; {by_kind(run, stand or offences)}"
        return failed(said) if stand else busy(f"{excuses[0]}: {said}")
    if len(clients) < LEAST_CLIENTS:
        return too_few(len(clients), LEAST_CLIENTS, "reconnecting clients")
    if len(run.accepted) < LEAST_MESSAGES:
        return too_few(len(run.accepted), LEAST_MESSAGES, "messages were accepted")
    return unknown(outage.missing) if outage.missing else passed(counted)


def _offences(run: ResumeRun, delivery: Delivery, clients: Sequence[ReconnectingClientView]) -> list[Offence]:
    offences = delivery.lost + delivery.doubled + delivery.reordered + delivery.unanswered
    if run.broker_emptied_at is None:
        offences += delivery.announced
    replaced = len(run.replaced)
    least = 1 if replaced == len(run.hosts) else 0
    for client in clients:
        if replaced and not least <= client.moves <= replaced:
            what = f"was moved {client.moves} times (limits {least} and {replaced})"
            kind = "was moved too often" if client.moves > replaced else "was not moved"
            offences.append(Offence(run.spoken[1], client.name, what, kind=kind))
    return offences


def _counted(delivery: Delivery) -> str:
    announced = f" ({len(delivery.announced)} more announced by a gap)" if delivery.announced else ""
    said = f"lost {len(delivery.lost)}{announced}, doubled {len(delivery.doubled)}, reordered {len(delivery.reordered)}"
    return f"{said}, resumes unanswered {len(delivery.unanswered)}" if delivery.unanswered else said


def _figures(run: ResumeRun, clients: Sequence[ReconnectingClientView]) -> str:
    start, end = run.spoken
    silences = sorted(client.longest_silence_s(start, end) for client in clients)
    p99 = silences[math.ceil(0.99 * len(silences)) - 1]
    moves = [client.moves for client in clients]
    parts = [
        f"{len(run.accepted)} messages to {len(clients)} clients",
        f"longest silence p99 {p99:.3f} s, max {silences[-1]:.3f} s",
        f"{len(run.replaced)} of {len(run.hosts)} hosts replaced" if run.hosts else "",
        f"moved {sum(moves)} times ({min(moves)} to {max(moves)} each)",
        f"peak {_peak(clients)} reconnects/s" + _if_even(run),
        f"harness lag {run.worst_lag():.3f} s",
    ]
    return ", ".join(part for part in parts if part)


def _if_even(run: ResumeRun) -> str:
    """What the peak would be if everybody on the fullest host had moved evenly over the window."""
    window_s = run.terms.reconnect_window_s
    crowds = [crowd for name in run.replaced if (crowd := run.crowd_of(name))]
    return f" ({max(crowds) / window_s:.0f} if even over {window_s:g} s)" if window_s and crowds else ""


def _peak(clients: Sequence[ReconnectingClientView]) -> int:
    """The most reconnects that began within one second."""
    began = sorted(connection.began for client in clients for connection in client.connections[1:])
    most = first = 0
    for last, t in enumerate(began):
        while began[first] <= t - SECOND_S:
            first += 1
        most = max(most, last - first + 1)
    return most
