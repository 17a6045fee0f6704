"""Clauses 5, 6 and 8: how the connected clients are notified, and what may only come after that.

Owns: the notice, the order of a shutdown as seen from outside, and the spread of the advised moments.
Source: contract, section Notice. The distance between a sample and a uniform distribution is Kolmogorov and
Smirnov's; its limit is exceeded by chance less than once in 100,000 runs, of any size (Dvoretzky, Kiefer, Wolfowitz and
Massart). The most moments in a short stretch are the scan statistic: of n moments that fall evenly, so many follow one
of them within the stretch with less than n times the binomial tail.
"""

from __future__ import annotations

import math
from itertools import chain
from typing import Any, TypeGuard

from ..history.client import ClientView
from ..history.drain import Drain
from ..history.events import Event
from .registry import clause
from .streams import event_streams
from .verdict import Delay, Gravity, Judgement, Offence, accuse, failed, passed, stood_still, too_few, unknown

NOTICE_WITHIN_S = 1.0  # a client that leaves of its own accord before that need not have had a notice
DEADLINE_ACCURACY_S = 1.0
LEAST_MOMENTS = 50
BURST_PARTS = (20, 100)  # a burst is looked for in stretches of such a part of the window
BY_CHANCE = 1e-6  # so seldom moments that are drawn at random may look like a burst
TWO_CHANNELS_S = 0.05  # an exit or a printed line and a socket's end reach the harness by different ways


@clause(
    5,
    "told-once",
    to_do="send every connected client one notice at t0, with the time left and a moment to reconnect of its own",
)
def told_once(seen: Drain) -> Judgement:
    """Every client connected at t0 gets exactly one notice, before any close frame.

    In an event stream the notice is an event between two others.
    A hostile client may not have read its notice; two, or a wrong one, are wrong there too.
    """
    last = max((t for t, client in seen.notices if not client.hostile), default=seen.t0)
    if doubt := stood_still(seen, seen.t0, max(last, seen.t0)):
        return doubt
    streams = event_streams(seen)
    due = due_a_notice(seen) + [stream for stream in streams if was_due_a_notice(seen, stream)]
    told: list[ClientView] = [client for _, client in seen.notices]
    offences = list(chain(_without_notice(seen, due), _wrong_notices(seen, told + [s for s in streams if s.notices])))
    if offences:
        charge = "clients did not get exactly one notice, in time and in full"
        return accuse(seen, offences, len(seen.connections) + len(streams), charge)
    if not due:
        return unknown("no client was connected at t0 and stayed long enough to get a notice")
    delays = [client.notices[0].t - seen.t0 for client in due]
    said = f"{len(due)} clients got one notice, between t0+{min(delays):.3f} s and t0+{max(delays):.3f} s"
    return passed(said, len(due))


def due_a_notice(seen: Drain) -> list[ClientView]:
    """The reading clients that were connected at t0 and stayed long enough to get a notice."""
    present = [client for client in seen.readers if client.connected_at(seen.t0)]
    return [client for client in present if was_due_a_notice(seen, client)]


def was_due_a_notice(seen: Drain, client: ClientView) -> bool:
    """Whether a client got a notice, or stayed connected for so long that it should have."""
    if client.notices:
        return True
    if client.evicted_at is not None:
        return True
    until = seen.seen_until if client.left_at is None else client.left_at
    return until > _notice_by(seen, client)


def _notice_by(seen: Drain, client: ClientView) -> float:
    assert client.opened_at is not None
    return max(client.opened_at, seen.t0) + NOTICE_WITHIN_S + seen.terms.parent_delay_s


def delay_of_notice(seen: Drain, client: ClientView) -> Delay | None:
    """How long a client waited for its notice until it left without one; None where the server ended it before."""
    if client.evicted_at is not None:
        return None
    assert client.opened_at is not None
    until = seen.seen_until if client.left_at is None else client.left_at
    return Delay(max(client.opened_at, seen.t0), until, _notice_by(seen, client), NOTICE_WITHIN_S)


def _without_notice(seen: Drain, due: list[ClientView]) -> list[Offence]:
    offences = []
    for client in due:
        if not client.notices:
            gone_at = client.gone_at
            until = "to the end" if gone_at is None else "until it was gone"
            t = gone_at or client.began
            what, delay = f"had no notice {until}", delay_of_notice(seen, client)
            offences.append(Offence(t, client.name, what, delay, gravity=Gravity.MISSING))
    return offences


def _wrong_notices(seen: Drain, told: list[ClientView]) -> list[Offence]:
    """What is wrong with the notices that these received; a client that was gone before t0 had one of another stop."""
    offences = []
    for client in told:
        if client.gone_at is not None and client.gone_at < seen.t0:
            continue
        t, close, delay = client.notices[0].t, client.close_received, None
        if len(client.notices) > 1:
            flaw: str | None = f"got {len(client.notices)} notices"
        elif close and close.t < t:
            flaw = f"got its notice only after its close frame ({seen.at(close.t)})"
        elif client.notices[0].detail.get("torn"):
            flaw = "got its notice in the middle of another event"
        else:
            flaw = _flaw_of_notice(seen, client.notices[0], client.hostile)
            delay = None if client.hostile else _delay_of_words(seen, client.notices[0])
        if flaw:
            offences.append(Offence(t, client.name, flaw, delay))
    return offences


def _flaw_of_notice(seen: Drain, notice: Event, read_late: bool) -> str | None:
    """What is wrong with its words; the time left is not checked where it may have been read much later, or where no
    deadline is declared.
    """
    left, moment = notice.detail.get("deadline_s"), notice.detail.get("reconnect_after_s")
    if not _is_number(left):
        return f"got a notice with {left!r} for the time left"
    true = left if read_late or seen.deadline is None else seen.deadline - notice.t
    if abs(left - true) > DEADLINE_ACCURACY_S + seen.terms.parent_delay_s:
        return f"got a notice with {left:.3f} s left, and it was {true:.3f} s"
    return None if _is_number(moment) and moment >= 0 else f"got a notice with {moment!r} for the moment to reconnect"


def _delay_of_words(seen: Drain, notice: Event) -> Delay | None:
    """A notice that was right when it was sent speaks of too much time left when it is read late."""
    left = notice.detail.get("deadline_s")
    if not _is_number(left) or seen.deadline is None:
        return None
    limit = seen.deadline - left + DEADLINE_ACCURACY_S + seen.terms.parent_delay_s
    return Delay(seen.t0, notice.t, limit, DEADLINE_ACCURACY_S) if notice.t > limit else None


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


@clause(6, "order", to_do="turn readiness first, then notify, then close, and exit last")
def order(seen: Drain) -> Judgement:
    """No 200 from readiness after a notice; first notice, then closes, then the exit.

    Without the lifespan, which only clause 18 may look for in the output.
    """
    notices = [notice for notice in seen.notices if notice[0] >= seen.t0]
    first_notice_at = notices[0][0] if notices else math.inf
    ready = [p for p in seen.probes("ready") if p.began > first_notice_at and p.status == 200]
    if ready:
        offences = [Offence(probe.began, "a probe", "got 200") for probe in ready]
        charge = f"readiness probes were answered 200 after the first notice ({seen.at(first_notice_at)})"
        return accuse(seen, offences, len(seen.probes("ready")), charge)
    early = [Offence(t, client.name, "was closed") for t, client in seen.evictions if t < first_notice_at]
    if early:
        before = f"the first notice ({seen.at(first_notice_at)})" if notices else "any notice: there was none"
        return accuse(seen, early, len(seen.evictions), f"closes by the server came before {before}")
    if seen.exited_at is None:
        return unknown("the target did not exit while it was watched")
    outlived = outlived_by_clients(seen, seen.exited_at)
    if outlived:
        return accuse(seen, outlived, len(seen.readers), f"clients outlived the exit ({seen.at(seen.exited_at)})")
    if not notices:
        return unknown("no notice and no close by the server to put in order")
    closes = f"{len(seen.evictions)} closes" + (f" from {seen.at(seen.evictions[0][0])}" if seen.evictions else "")
    return passed(f"first notice {seen.at(first_notice_at)}, {closes}, exit {seen.at(seen.exited_at)}")


def outlived_by_clients(seen: Drain, moment: float, gone_by: float | None = None) -> list[Offence]:
    """The reading clients whose connection the server ended after a moment that should have come last.

    `gone_by`: when every connection had ended, whenever that was noticed.
    """
    ends = [(client.ended, client) for client in seen.readers if client.ended and client.ended.how != "local"]
    late = []
    for end, client in ends:
        t = end.t if gone_by is None else min(end.t, gone_by)
        # Both were noticed by one event loop, an end in several turns: while it lagged, their order says nothing.
        if t > moment + TWO_CHANNELS_S + seen.machine.lags_s(moment - TWO_CHANNELS_S, t):
            late.append(Offence(t, client.name, "was still connected"))
    return late


@clause(8, "spread-reconnects", to_do="draw each client's moment to reconnect evenly from the window, or deal them out")
def spread_reconnects(seen: Drain) -> Judgement:
    """The advised reconnect moments are spread evenly over the window, with no burst.

    No more fall into a twentieth or a hundredth of the window than chance allows where each is drawn at random.
    """
    present = len(due_a_notice(seen))
    count = len(seen.notices)
    if not count:
        none = f"none of {present} clients got a moment to reconnect"
        return failed(none, "no notice") if present else too_few(0, LEAST_MOMENTS, "notices")
    advised = [(t, who, who.notices[0].detail.get("reconnect_after_s")) for t, who in seen.notices]
    moments = [(moment, t, who) for t, who, moment in advised if _is_number(moment)]
    if len(moments) < count:
        mute = [Offence(t, who.name, "was given none") for t, who, moment in advised if not _is_number(moment)]
        return accuse(seen, mute, count, "notices advised no moment to reconnect")
    declared_s, longest_s = seen.terms.reconnect_window_s, max(moment for moment, _, _ in moments)
    window_s = longest_s if declared_s is None else declared_s
    outside = [
        Offence(t, who.name, f"was given {moment:.3f} s") for moment, t, who in moments if not 0 <= moment <= window_s
    ]
    if outside:
        return accuse(seen, outside, count, f"advised moments lie outside the window of {window_s:.3f} s")
    advised_s = sorted(moment for moment, _, _ in moments)
    distance = _distance_from_uniform(advised_s, window_s)
    limit = max(0.05, 2.5 / math.sqrt(count))
    said = (
        f"{count} moments up to {longest_s:.3f} s in a window of {window_s:.3f} s,"
        f" {distance:.3f} from an even spread (limit {limit:.3f})"
    )
    if distance > limit:
        return failed(said)
    bursts = [_busiest(advised_s, window_s / part) for part in BURST_PARTS]
    limits = [most_by_chance(count, 1 / part) for part in BURST_PARTS]
    for (most, since_s), allowed, part in zip(bursts, limits, BURST_PARTS, strict=True):
        if most > allowed:
            stretch = f"{window_s / part:.3f} s from {since_s:.3f} s on"
            return failed(f"{said}; {most} of them in the {stretch} (limit {allowed})")
    if count < LEAST_MOMENTS:
        return too_few(count, LEAST_MOMENTS, "notices")
    return passed(f"{said}, {bursts[0][0]} at most in {window_s / BURST_PARTS[0]:.3f} s (limit {limits[0]})")


def most_by_chance(count: int, part: float) -> int:
    """How many of `count` moments, each at random, may fall into some stretch of such a `part` (0 to 1) of the window.

    More do so less than once in a million runs, both stretches together. Exact for no count, and below none: the chance
    that any moment is followed by so many is at most the sum of the chances of each.
    """
    tail, others = 0.0, count - 1
    while others > 0 and count * tail <= BY_CHANCE / len(BURST_PARTS):
        ways = math.lgamma(count) - math.lgamma(others + 1) - math.lgamma(count - others)
        tail += math.exp(ways + others * math.log(part) + (count - 1 - others) * math.log1p(-part))
        others -= 1
    return others + 2 if count * tail > BY_CHANCE / len(BURST_PARTS) else 1


def _busiest(moments: list[float], stretch_s: float) -> tuple[int, float]:
    """The most of sorted moments in any stretch shorter than this, and the first of these."""
    most, since, oldest = 0, 0.0, 0
    for newest, moment in enumerate(moments):
        while moment - moments[oldest] >= stretch_s and oldest < newest:
            oldest += 1
        if newest - oldest + 1 > most:
            most, since = newest - oldest + 1, moments[oldest]
    return most, since


def _distance_from_uniform(moments: list[float], window_s: float) -> float:
    """The distance (0 to 1) of sorted moments from an even spread over [0, window_s]; 1 for no window."""
    if window_s == 0:
        return 1.0
    n = len(moments)
    return max(max((i + 1) / n - m / window_s, m / window_s - i / n) for i, m in enumerate(moments))
