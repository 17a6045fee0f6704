"""Clause 33: clients that come back and resume get every message exactly once and in order, however often they move.

Owns the verdict on what `seams` has counted, how often each client was moved while hosts were replaced, and the figures
that go with it: the longest silence of each client while messages were published, and the most reconnects in a second.
The same judge serves runs in which no host is replaced (an outage of the broker): then no moves are asked for. A
message that a `gap` announced as missing is missing all the same, unless the harness had emptied the broker. Source:
contract, section Many workers, many hosts.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence

from harness.clauses.outage import look
from harness.clauses.seams import Seams, count
from harness.clauses.verdict import NAMED_OFFENDERS, Judgement, Offence, failed, passed, too_few, unknown
from harness.history import History
from harness.resume_view import Journey
from harness.stream_view import Traveller

LEAST_CLIENTS = 10
LEAST_MESSAGES = 50
SECOND_S = 1.0


def rolling(history: History) -> Judgement:
    """Clause 33."""
    journey = Journey(history)
    travellers = [traveller for traveller in journey.travellers if traveller.since is not None]
    if not travellers:
        return unknown("no client that comes back was ever let in")
    seams, outage = count(journey), look(history, journey)
    offences = _offences(journey, seams, travellers) + outage.offences
    counted = "; ".join((f"{_counted(seams)} of {seams.due} due", _figures(journey, travellers), *outage.figures))
    if offences:
        first = heapq.nsmallest(NAMED_OFFENDERS, offences, key=lambda offence: offence.t)
        named = ", then ".join(f"{one.who} at {journey.at(one.t)} {one.what}" for one in first)
        return failed(f"{counted}; first {named}")
    if len(travellers) < LEAST_CLIENTS:
        return too_few(len(travellers), LEAST_CLIENTS, "clients that come back")
    if len(journey.accepted) < LEAST_MESSAGES:
        return too_few(len(journey.accepted), LEAST_MESSAGES, "messages were accepted")
    return unknown(outage.wanting) if outage.wanting else passed(counted)


def _offences(journey: Journey, seams: Seams, travellers: Sequence[Traveller]) -> list[Offence]:
    offences = seams.lost + seams.doubled + seams.reordered + seams.unanswered
    if journey.broker_emptied_at is None:
        offences += seams.announced
    replaced = len(journey.replaced)
    least = 1 if replaced == len(journey.hosts) else 0
    for traveller in travellers:
        if replaced and not least <= traveller.moves <= replaced:
            what = f"was moved {traveller.moves} times (limits {least} and {replaced})"
            offences.append(Offence(journey.spoken[1], traveller.name, what))
    return offences


def _counted(seams: Seams) -> str:
    announced = f" ({len(seams.announced)} more announced by a gap)" if seams.announced else ""
    said = f"lost {len(seams.lost)}{announced}, doubled {len(seams.doubled)}, reordered {len(seams.reordered)}"
    return f"{said}, resumes unanswered {len(seams.unanswered)}" if seams.unanswered else said


def _figures(journey: Journey, travellers: Sequence[Traveller]) -> str:
    start, end = journey.spoken
    silences = sorted(traveller.longest_silence_s(start, end) for traveller in travellers)
    p99 = silences[math.ceil(0.99 * len(silences)) - 1]
    moves = [traveller.moves for traveller in travellers]
    parts = [
        f"{len(journey.accepted)} messages to {len(travellers)} clients",
        f"longest silence p99 {p99:.3f} s, max {silences[-1]:.3f} s",
        f"{len(journey.replaced)} of {len(journey.hosts)} hosts replaced" if journey.hosts else "",
        f"moved {sum(moves)} times ({min(moves)} to {max(moves)} each)",
        f"peak {_peak(travellers)} reconnects/s" + _if_even(journey),
        f"harness lag {journey.worst_lag():.3f} s",
    ]
    return ", ".join(part for part in parts if part)


def _if_even(journey: Journey) -> str:
    """What the peak would be if everybody on the fullest host had moved evenly over the window."""
    window_s = journey.terms.reconnect_window_s
    crowds = [crowd for name in journey.replaced if (crowd := journey.crowd_of(name))]
    return f" ({max(crowds) / window_s:.0f} if even over {window_s:g} s)" if window_s and crowds else ""


def _peak(travellers: Sequence[Traveller]) -> int:
    """The most reconnects that began within one second."""
    began = sorted(stream.began for traveller in travellers for stream in traveller.streams[1:])
    most = first = 0
    for last, t in enumerate(began):
        while began[first] <= t - SECOND_S:
            first += 1
        most = max(most, last - first + 1)
    return most
