"""Clause 27: the log says at each phase, and at least every so often in between, how far a drain has come.

Owns: when progress lines came, about which phase, and how many lines there were in all; what they count is looked at in
`progress_lines`. A line about a request is granted to each of the harness's own requests after t0, and two about its
coming to each client whose handshake raced with the signal and was let in: a busy machine may let in dozens. A phase
has a line where a line names a phase that none before it named, if the target's lines name phases; that the server cuts
off who is left has no moment that can be seen from outside, so no line is asked for it. Source: contract, section
Observability.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from ..history.drain import Drain
from .progress_lines import Line, Said, miscounts, progress_lines
from .registry import clause
from .verdict import Delay, Judgement, busy, excluded, excuse, failed, passed, stood_still, unknown

SAID_WITHIN_S = 1.0  # of a phase
LATE_S = 0.25  # beyond the interval
UNTOLD_INTERVAL_S = 10.0  # the contract's, for a target that cannot be told its interval
LEAST_CROWD = 50  # fewer clients with a line each cannot be told from what a drain may print
MOST_LINES = 20  # beside one an interval; of the reference server 4 to 9 were measured
ONE_A_REQUEST = re.compile(r"\b(?:GET|POST)\b")
TWO_A_NEWCOMER = re.compile(
    r"\b(?:WebSocket|accepted|open|opened|connected)\b"
)  # uvicorn: '"WebSocket /ws" [accepted]'


@clause(
    27,
    "progress",
    to_do="print how many connections are left at each phase and every so often, one line at a time, none a client",
)
def progress(seen: Drain) -> Judgement:
    """A log line at each phase and every so often in between, with true numbers, but none a client.

    Of several processes each says how far it has come itself, and its lines name it.
    """
    profile = seen.profile
    if profile.progress_interval_s is None or not seen.terms.logs:
        return excluded("the target declares no progress lines, or its output is not captured")
    if not seen.lines:
        return unknown("no output of the target was captured")
    printed = [line for line in seen.lines if line.t >= seen.t0]
    if doubt := stood_still(seen, seen.t0, max(seen.clients_gone_at, seen.evicts_at)):
        return doubt
    said = progress_lines(seen, printed)
    if flaws := _flaws_of_silence(seen, said):
        excuses = [excuse(seen, delay) for _, delay in flaws]
        stand = [flaw for (flaw, _), why in zip(flaws, excuses, strict=True) if why is None]
        return failed("; ".join(stand)) if stand else busy(f"{excuses[0]}: {flaws[0][0]}")
    count = sum(map(len, said.values()))
    if wrong := miscounts(seen, said):
        return wrong
    allowed = profile.processes * (MOST_LINES + (_until(seen) - seen.t0) / profile.progress_interval_s)
    later = [line for line in printed if line.t >= seen.t0 + seen.terms.parent_delay_s]  # it may not know of it before
    about_requests = sum(bool(ONE_A_REQUEST.search(line.detail["text"])) for line in later)
    about_newcomers = sum(bool(TWO_A_NEWCOMER.search(line.detail["text"])) for line in later)
    newcomers = sum((client.opened_at or 0.0) >= seen.t0 for client in seen.connections)
    lines = len(later) - min(_requests(seen), about_requests) - min(2 * newcomers, about_newcomers)
    crowd = sum(client.connected_at(seen.t0) for client in seen.connections)
    printed_in_all = f"{lines} lines after t0 that are not about a request, with {crowd} clients"
    if crowd >= LEAST_CROWD and lines > allowed:
        return failed(f"{printed_in_all} (limit {allowed:.0f})")
    if seen.exited_at is None and seen.gave_up_at is None:
        return unknown("the target was not watched until it exited")
    first = min(line.t for lines_of in said.values() for line in lines_of)
    return passed(f"{count} progress lines, the first at {seen.at(first)}; {printed_in_all}")


Flaw = tuple[str, Delay | None]  # in words, and how long nothing was said where that is all


def _flaws_of_silence(seen: Drain, said: Said) -> list[Flaw]:
    if len(said) < seen.profile.processes:
        return [(f"progress lines of only {len(said)} of {seen.profile.processes} processes", None)]
    return [
        (f"{who}{flaw}", delay)
        for who, lines in said.items()
        for flaw, delay in [*_silences(seen, lines), *_long_gaps(seen, lines)]
    ]


def _until(seen: Drain) -> float:
    return seen.seen_until if seen.exited_at is None else seen.exited_at


def _had_clients_at(seen: Drain, lines: Sequence[Line], t: float) -> bool:
    """Whether a process still had clients: as they saw it, or, where others served them too, as it said itself."""
    if seen.profile.processes > 1:
        return next((line.left for line in reversed(lines) if line.t < t), 0) > 0
    return any(client.connected_at(t) for client in seen.connections)


def _silences(seen: Drain, lines: Sequence[Line]) -> list[Flaw]:
    """Which of the three moments that ask for a line passed without one.

    A server that begins to close late is late by another clause: its line is due when it has begun.
    """
    within_s = SAID_WITHIN_S + seen.terms.parent_delay_s
    moments = [("t0", seen.t0, seen.t0)]
    begins_to_close = seen.deadline is not None and _until(seen) > seen.evicts_at
    if begins_to_close and _had_clients_at(seen, lines, seen.evicts_at):
        closes = [t for t, _ in seen.reader_evictions if t >= seen.evicts_at]
        moments.append((seen.grace_end, seen.evicts_at, min(closes, default=seen.evicts_at)))
    flaws: list[Flaw] = []
    for what, since, begun in moments:
        about = _about_a_phase(lines, since)
        awaited = seen.exited_at is not None or _until(seen) > begun + within_s
        if awaited and not any(line.t <= begun + within_s for line in about):
            delay = _delay_of_line(seen, about, begun, within_s)
            flaws.append((f"no progress line within {within_s:.3f} s of {what}", delay))
    gone = seen.clients_gone_at
    owed_a_last = seen.exited_at is not None and seen.exited_at > gone + within_s
    if owed_a_last and not any(line.t >= gone for line in lines) and not _was_done_before(seen, lines):
        flaws.append((f"no progress line from the last client's end ({seen.at(gone)}) to the exit", None))
    return flaws


def _about_a_phase(lines: Sequence[Line], since: float) -> list[Line]:
    """The lines from a moment on that are about the phase that began then: no line before named theirs."""
    named = {line.phase for line in lines if line.t < since} - {None}
    return [line for line in lines if line.t >= since and line.phase not in named]


def _delay_of_line(seen: Drain, lines: Sequence[Line], since: float, within_s: float) -> Delay:
    """How long after a moment the next line came, or none to the end."""
    until = next((line.t for line in lines if line.t >= since), _until(seen))
    return Delay(since, until, since + within_s, SAID_WITHIN_S)


def _was_done_before(seen: Drain, lines: Sequence[Line]) -> bool:
    """Whether one of several processes had said already that nobody was left, while the others still had clients."""
    return seen.profile.processes > 1 and bool(lines) and lines[-1].left == 0


def _long_gaps(seen: Drain, lines: Sequence[Line]) -> list[Flaw]:
    """The stretches in which clients were connected and nothing was said for too long."""
    interval_s = seen.profile.progress_interval_s
    assert interval_s is not None, "or the clause were excluded"
    if seen.profile.progress_env is None:
        interval_s = max(interval_s, UNTOLD_INTERVAL_S)
    limit_s = interval_s + LATE_S + seen.terms.parent_delay_s
    moments = [seen.t0, *(line.t for line in lines if line.t < seen.clients_gone_at)]
    if not _was_done_before(seen, lines):
        moments.append(seen.clients_gone_at)
    gaps = [(start, end) for start, end in pairwise(moments) if end - start > limit_s]
    flaws: list[Flaw] = [
        (
            f"no progress line between {seen.at(a)} and {seen.at(b)} (limit {limit_s:.3f} s)",
            Delay(a, b, a + limit_s, LATE_S),
        )
        for a, b in gaps
    ]
    return [flaw for flaw in flaws if excuse(seen, flaw[1]) is None][:1] or flaws[:1]


def _requests(seen: Drain) -> int:
    """How many requests of the harness were answered after t0, each of which may be worth a line in an access log."""
    probes = sum(len(seen.probes(who)) for who in ("ready", "health", "metrics"))
    causes: int = sum(order.detail.get("requests", 0) for order in seen.orders)
    ends = ((stream.outcome, stream.ended) for stream in seen.streams)
    streams = sum(any(each is not None and each.t >= seen.t0 for each in of_one) for of_one in ends)
    return probes + causes + streams + sum(post.t >= seen.t0 for post in seen.posts)
