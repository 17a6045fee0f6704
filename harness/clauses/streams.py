"""What a long HTTP response is owed while the target drains, for the judges of clauses 5, 9 and 12.

Owns: which streams are looked at, the silence of an event stream, and how a stream may end. Refuses to know verdicts.
Source: contract, *Long responses*.

Rules. Only streams that were under way at t0 are owed anything. An event stream has no end of its own: it ends at the
deadline, after a whole event and with the end of its body. A download may end with its last byte at any time, and
without it from the deadline on, where no proper end would be true. How often events come is the application's matter: a
stream counts as silent after ten times the mean interval that it had before t0, and more than 1 s.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from ..history.drain import Drain
from ..history.stream import StreamView
from .due import SERVED_WITHIN_S, Due
from .verdict import Delay, Gravity, Offence, excuse

LEAST_EVENTS = 3  # before t0, so that their mean interval says something
TIMES_ITS_INTERVAL = 10


def under_way(seen: Drain) -> list[StreamView]:
    """The streams that were under way at t0."""
    return [stream for stream in seen.open_streams if stream.connected_at(seen.t0)]


def event_streams(seen: Drain) -> list[StreamView]:
    """Those of them that are event streams."""
    return [stream for stream in under_way(seen) if stream.tells_events]


def events_due(seen: Drain, start: float, end: float) -> list[Due]:
    """To each event stream, as often as before: whether it was silent between two moments."""
    if seen.was_frozen(start, end):
        return []
    dues = []
    for stream in event_streams(seen):
        opened_at, before = stream.opened_at, [t for t in stream.events if t < seen.t0]
        if opened_at is None or len(before) < LEAST_EVENTS:
            continue
        limit_s = max(SERVED_WITHIN_S, TIMES_ITS_INTERVAL * (seen.t0 - opened_at) / len(before))
        until = end if stream.gone_at is None else min(end, stream.gone_at)
        times = [max(t for t in stream.events if t < start), *(t for t in stream.events if start <= t < until), until]
        silences = [(a, b) for a, b in pairwise(times) if b - a > limit_s]
        if len(times) > 2 or silences:
            offences = [_silence(stream, Delay(a, b, a + limit_s, SERVED_WITHIN_S)) for a, b in silences]
            first = offences[0] if offences else None
            stands = next((offence for offence in offences if excuse(seen, offence.delay) is None), first)
            dues.append(Due(len(times) - 2, stands))
    return dues


def _silence(stream: StreamView, gap: Delay) -> Offence:
    what = f"had no event for {gap.until - gap.since:.3f} s (limit {gap.limit - gap.since:.3f} s)"
    return Offence(gap.since, stream.name, what, gap, "missed events", Gravity.MISSING)


def ended_early(seen: Drain) -> Iterator[Offence]:
    """The streams that the server ended before it might."""
    for stream in under_way(seen):
        t = stream.evicted_at
        if t is None or t >= seen.evicts_at:
            continue
        if not stream.complete:
            yield Offence(t, stream.name, f"was cut off{_where(stream)}", gravity=Gravity.MISSING)
        elif stream.tells_events:
            yield Offence(t, stream.name, f"came to its end{_where(stream)}")


def ended_badly(seen: Drain, served_on: bool) -> Iterator[Offence]:
    """The streams that did not end as they should once the grace was over.

    `served_on`: nothing declared says by when they would have had to end.
    """
    for stream in under_way(seen):
        t = stream.evicted_at
        if stream.gone_at is None:
            if seen.gave_up_at is not None and seen.gave_up_at > seen.evicts_at and not served_on:
                yield Offence(seen.evicts_at, stream.name, "was never ended", gravity=Gravity.HELD)
        elif t is not None and t >= seen.evicts_at and stream.tells_events:
            if not stream.complete:
                yield Offence(t, stream.name, f"was cut off{_where(stream)}", gravity=Gravity.MISSING)
            elif not stream.between:
                yield Offence(t, stream.name, f"came to its end{_where(stream)}")


def _where(stream: StreamView) -> str:
    if not stream.tells_events:
        return " before its last byte"
    return " between two events" if stream.between else " in the middle of an event"
