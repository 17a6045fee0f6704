"""Clauses 12, 13 and 15: when the server closes connections, how, and how many at a time.

Owns: the grace up to the deadline, the closing handshake, the pace. Source: contract, section Closing; RFC
6455 §7.1.1 (the server ends the TCP connection, after both close frames); 1012 and 1001 as in the IANA close code
registry.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from ..history.client import ClientView, End
from ..history.drain import Drain
from ..history.terms import NO_DRAIN_TIMEOUT
from .hostile import may_serve_on
from .registry import clause
from .streams import ended_badly, ended_early, under_way
from .verdict import (
    Delay,
    Gravity,
    Judgement,
    Offence,
    accuse,
    busy,
    excluded,
    failed,
    may_have_been_early,
    passed,
    too_few,
    unknown,
)

NO_STATUS = 1005
LEAST_STAYERS = 3
LEAST_GOODBYES = 3
SPARE_FOR_ANSWERS = 0.2  # of the close timeout: late answerers use up to nine tenths of it
PACE_WINDOW_S = 1.0
NOTICE_ACCURACY_S = 0.25
LEAST_EVICTION_S = 3.0
FIRST_CLOSE_WITHIN_S = 1.0  # after the grace: what is seen late by a part of this may have happened within it


@clause(12, "keeps-the-grace", to_do="wait with closing until the deadline, or declare the drain timeout that you mean")
def keeps_the_grace(seen: Drain) -> Judgement:
    """No connection is closed by the server before the deadline, save for its own fault.

    A stream ends as it should: an event stream between two events, with the end of its body.
    A client was at fault only where the harness made it so: it read too slowly, or left pings unanswered.
    """
    if none := no_deadline(seen):
        return none
    streams = under_way(seen)
    badly = list(ended_badly(seen, served_on=may_serve_on(seen) is not None))
    if wrong := [*closed_early(seen), *ended_early(seen), *badly]:
        of = len({*seen.readers, *streams, *(client for _, client in _ended_early(seen))})
        or_badly = ", or are streams that did not end as they should from then on" if badly else ""
        return accuse(seen, wrong, of, f"clients were closed before {seen.grace_end}{or_badly}")
    stayed = stayers(seen)
    if len(stayed) < LEAST_STAYERS:
        return too_few(len(stayed), LEAST_STAYERS, f"clients that stayed until {seen.grace_end}")
    if doubt := closes_may_have_been_early(seen):
        return doubt
    closes = seen.reader_evictions
    first = f"the first close by the server came at {seen.at(closes[0][0])}" if closes else "none was closed"
    ended = sum(stream.evicted_at is not None for stream in streams)
    of_streams = f"; {ended} streams ended as they should" if ended else ""
    return passed(f"{len(stayed)} clients stayed until {seen.grace_end}, {first}{of_streams}", len(stayed))


def no_deadline(seen: Drain) -> Judgement | None:
    """Excluded where no drain timeout is in force: the server may close from t0 on; else None."""
    if seen.deadline is not None:
        return None
    return excluded(NO_DRAIN_TIMEOUT)


def closes_may_have_been_early(seen: Drain) -> Judgement | None:
    """Unknown where the harness lagged as the grace ended, and may have seen an early close late; else None."""
    if not seen.reader_evictions:
        return None
    return may_have_been_early(seen, seen.evicts_at, seen.reader_evictions[0][0], FIRST_CLOSE_WITHIN_S)


def closed_early(seen: Drain) -> list[Offence]:
    """The clients that the server closed before it might, before t0 too; not those whose worker was killed.

    A client that got a notice before t0, from a worker to be replaced, is closed early before the deadline in that
    notice.
    """
    return [
        Offence(t, c.name, _how_it_was_closed(c), gravity=Gravity.WRONG if c.close_received else Gravity.MISSING)
        for t, c in _ended_early(seen)
    ]


def _ended_early(seen: Drain) -> list[tuple[float, ClientView]]:
    ended = [(t, client) for t, client in seen.reader_evictions if t < seen.evicts_at]
    ended += [(t, client) for t, client in _hostile_without_fault(seen) if seen.t0 < t < seen.evicts_at]
    ended += [(t, client) for t, client in seen.cut_before if t < _deadline_of_notice(client)]
    return [(t, client) for t, client in ended if not seen.lost_its_worker(client)]


def _hostile_without_fault(seen: Drain) -> list[tuple[float, ClientView]]:
    """When the server ended each hostile client that had done nothing yet: never answering a close frame is no fault
    before there is one.
    """
    ended = [(c.evicted_at, c) for c in seen.connections if c.hostile and not seen.at_fault(c)]
    return [(t, client) for t, client in ended if t is not None]


def _deadline_of_notice(client: ClientView) -> float:
    """The deadline in its notice; infinity where it had none."""
    times = ((notice.t, notice.detail["deadline_s"]) for notice in client.notices[:1])
    return next((t + left - NOTICE_ACCURACY_S for t, left in times if isinstance(left, int | float)), math.inf)


def stayers(seen: Drain) -> list[ClientView]:
    """The reading clients that were connected when the server might begin to close."""
    if seen.seen_until < seen.evicts_at:
        return []
    return [client for client in seen.readers if client.connected_at(seen.evicts_at)]


def _how_it_was_closed(client: ClientView) -> str:
    return _with_code(client.close_received.code) if client.close_received else "without a close frame"


def _with_code(code: int) -> str:
    """The code of a close frame; 1005 is never sent, it stands for a frame without one (RFC 6455, 7.1.5)."""
    return "without a code (1005)" if code == NO_STATUS else f"with {code}"


@clause(
    13,
    "says-goodbye",
    to_do="send every client a close frame with 1012, then wait for its answer before you end the TCP connection",
)
def says_goodbye(seen: Drain) -> Judgement:
    """Every reading client gets a close frame with a declared code and a complete closing handshake.

    Undeclared, the code is 1012 or 1001, one of them for everybody.
    """
    codes = " or ".join(map(str, seen.goodbye_codes))
    due = [client for client in seen.readers if _is_owed_a_goodbye(seen, client) and not _was_too_slow(seen, client)]
    offences = [
        Offence(client.evicted_at or seen.evicts_at, client.name, flaw.what, flaw.delay, gravity=flaw.gravity)
        for client in due
        if (flaw := _flaw_of_goodbye(client, seen.goodbye_codes, seen.terms.answered_within_s))
    ]
    if offences:
        charge = f"clients did not get {codes} and a complete closing handshake"
        return accuse(seen, offences, len(due), charge)
    if seen.sent_home_at is not None and len(due) < LEAST_GOODBYES:
        home = f"the harness sent its clients home at {seen.at(seen.sent_home_at)}"
        return unknown(f"the server had closed {len(due)} reading clients when {home}: {NO_DRAIN_TIMEOUT}")
    if len(due) < LEAST_GOODBYES:
        return too_few(len(due), LEAST_GOODBYES, "reading clients closed by the server")
    took = max(c.ended.t - c.close_received.t for c in due if c.ended and c.close_received)
    said = f"{len(due)} clients got {codes} and a complete closing handshake, in {took:.3f} s at most"
    return passed(said, len(due))


def _is_owed_a_goodbye(seen: Drain, client: ClientView) -> bool:
    if client.evicted_at is not None or seen.deadline is None:
        return client.evicted_at is not None
    return client.connected_at(seen.evicts_at) and client.left_at is None and seen.seen_until > seen.evicts_at


def _was_too_slow(seen: Drain, client: ClientView) -> bool:
    """Whether it had the whole close timeout and did not answer: clients do, so it was the harness that was late."""
    close, answer, end = client.close_received, client.close_answer, client.ended
    if close is None or end is None or end.how == "local" or close.code not in seen.goodbye_codes:
        return False
    return (answer is None or end.t < answer.t) and end.t - close.t >= seen.terms.answered_within_s


class _Flaw(NamedTuple):
    what: str
    gravity: Gravity = Gravity.WRONG
    delay: Delay | None = None


def _flaw_of_goodbye(client: ClientView, codes: tuple[int, ...], within_s: float) -> _Flaw | None:
    close, answer, end = client.close_received, client.close_answer, client.ended
    if close is None:
        if end is None or end.how == "local":
            return _Flaw("was never closed", Gravity.HELD)
        return _Flaw(f"was ended by {end.how} without a close frame", Gravity.MISSING)
    if close.code not in codes:
        return _Flaw(f"was closed {_with_code(close.code)}")
    if end is None or end.how == "local":
        return _Flaw("was left connected after its close frame")
    if answer is None or end.t < answer.t:
        return _cut_before_its_answer(close.t, end, within_s)
    return _Flaw(f"was ended by {end.how} after its answer") if end.how != "eof" else None


def _cut_before_its_answer(closed_at: float, end: End, within_s: float) -> _Flaw:
    """It had less than the close timeout for its answer.

    On a busy machine the timeout may have begun before the close frame was seen, and the answer have come late.
    """
    missing_s = within_s - (end.t - closed_at)
    delay = Delay(closed_at, end.t, end.t - missing_s, SPARE_FOR_ANSWERS * within_s)
    return _Flaw(f"was ended by {end.how} after the close frame, before its answer to it", delay=delay)


@clause(
    15, "no-cliff", to_do="close at a pace after the deadline, so many a second, not everyone in one turn of the loop"
)
def no_cliff(seen: Drain) -> Judgement:
    """In any second no more than twice the pace are closed.

    Closes are counted whole, so the limit is rounded down; one close is allowed whatever the pace. An end without a
    close frame is a close; one for a client's own fault, or forced, is not counted.
    """
    pace = seen.terms.evict_per_s
    if pace is None:
        return excluded("the target declares no pace: declare pace_per_s (--pace N), or pace_env if it can be told")
    closes = [t for t, _ in seen.evictions if seen.forced_at is None or t < seen.forced_at]
    if not closes and seen.sent_home_at is not None:
        return unknown(f"the harness sent its clients home at {seen.at(seen.sent_home_at)}: {NO_DRAIN_TIMEOUT}")
    if not closes:
        return too_few(0, 1, "closes by the server")
    limit = max(1, math.floor(2 * pace))
    most, since = _busiest_window(closes, PACE_WINDOW_S)
    span_s = closes[-1] - closes[0]
    said = (
        f"{most} closes in the second from {seen.at(since)} (limit {limit}), {len(closes)} in all over {span_s:.3f} s"
    )
    if doubt := _pace_is_blurred(seen, closes, most, limit):
        return busy(f"{doubt}: {said}")
    if most > limit:
        return failed(said, "too many closes")
    if span_s < LEAST_EVICTION_S:
        return unknown(f"{said}, and a verdict needs {LEAST_EVICTION_S:.3f} s")
    return passed(said)


def _pace_is_blurred(seen: Drain, closes: list[float], most: int, limit: float) -> str | None:
    """Why this pace says nothing; None where it does. Lag and wait bunch what was spread; lag also spreads a bunch.

    In a second may be seen what was due in a second and the delay; and what was closed in a second, in that time.
    """
    lag_s = seen.machine.lag_s(closes[0], closes[-1])
    if most > limit:
        _, since = _busiest_window(closes, PACE_WINDOW_S)
        starved_s = seen.machine.starved_s(since - PACE_WINDOW_S, since + PACE_WINDOW_S)
        blurred = most <= limit * (PACE_WINDOW_S + lag_s + starved_s) / PACE_WINDOW_S
    else:
        starved_s = 0.0
        blurred = _busiest_window(closes, PACE_WINDOW_S + lag_s)[0] > limit
    if lag_s + starved_s <= PACE_WINDOW_S / 4 or not blurred:
        return None
    return (
        f"the harness itself lagged {lag_s:.3f} s and the target waited {starved_s:.3f} s for a core,"
        f" together more than a quarter of {PACE_WINDOW_S:.3f} s"
    )


def _busiest_window(closes: list[float], window_s: float) -> tuple[int, float]:
    """The most closes in any one window, and when that began."""
    most, since, oldest = 0, closes[0], 0
    for newest, t in enumerate(closes):
        while t - closes[oldest] >= window_s:
            oldest += 1
        if newest - oldest + 1 > most:
            most, since = newest - oldest + 1, closes[oldest]
    return most, since
