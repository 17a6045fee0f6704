"""Clause 27: the log says at each phase, and at least every so often in between, how far a drain has come.

Owns: when progress lines came and what they counted, and how many lines there were in all. A line about a request
is granted to each of the harness's own requests after t0. Source: contract, section Observability.
"""

from __future__ import annotations

import re
from itertools import pairwise

from harness.clauses.verdict import Judgement, Offence, accuse, blurred, excluded, failed, passed, unknown
from harness.history import Event
from harness.views import Drain

SAID_WITHIN_S = 1.0
LEAST_CROWD = 50  # fewer clients with a line each cannot be told from what a drain may print
MOST_LINES = 40
ONE_A_REQUEST = re.compile(r"\b(?:GET|POST)\b")


def progress(seen: Drain) -> Judgement:
    """Clause 27."""
    terms = seen.terms
    if terms.progress_interval_s is None or not terms.logs:
        return excluded("the target declares no progress lines, or its output is not captured")
    if not seen.lines:
        return unknown("no output of the target was captured")
    printed = [line for line in seen.lines if line.t >= seen.t0]
    if lag := blurred(seen, SAID_WITHIN_S, seen.t0, max(seen.clients_gone_at, seen.evicts_at)):
        return lag
    said = [(line.t, int(found["left"])) for line in printed if (found := _progress(seen, line))]
    times = [t for t, _ in said]
    if flaws := [*_silences(seen, times), *_long_gaps(seen, times, terms.progress_interval_s)]:
        return failed("; ".join(flaws))
    if risen := _rises(seen, said):
        return accuse(seen, risen, len(said), "progress lines count more connections left than there could be")
    allowed = MOST_LINES + 2 * (_until(seen) - seen.t0) / terms.progress_interval_s
    lines = len(printed) - min(
        _requests(seen), sum(bool(ONE_A_REQUEST.search(line.detail["text"])) for line in printed)
    )
    crowd = sum(client.connected_at(seen.t0) for client in seen.sessions)
    count = f"{lines} lines after t0 that are not about a request, with {crowd} clients"
    if crowd >= LEAST_CROWD and lines > allowed:
        return failed(f"{count} (limit {allowed:.0f})")
    if seen.exited_at is None and seen.gave_up_at is None:
        return unknown("the target was not watched until it exited")
    return passed(f"{len(said)} progress lines, the first at {seen.at(times[0])}; {count}")


def _progress(seen: Drain, line: Event) -> re.Match[str] | None:
    return re.search(seen.terms.progress_pattern, line.detail["text"])


def _until(seen: Drain) -> float:
    return seen.seen_until if seen.exited_at is None else seen.exited_at


def _silences(seen: Drain, times: list[float]) -> list[str]:
    """Which of the three moments that ask for a line passed without one."""
    within_s = SAID_WITHIN_S + seen.terms.parent_delay_s
    moments = [("t0", seen.t0)]
    if _until(seen) > seen.evicts_at and any(client.connected_at(seen.evicts_at) for client in seen.sessions):
        moments.append((seen.grace_end, seen.evicts_at))
    flaws = [
        f"no progress line within {within_s:.3f} s of {what}"
        for what, since in moments
        if seen.exited_at is not None or _until(seen) > since + within_s
        if not any(since <= t <= since + within_s for t in times)
    ]
    gone = seen.clients_gone_at
    if seen.exited_at is not None and seen.exited_at > gone + within_s and not any(t >= gone for t in times):
        flaws.append(f"no progress line from the last client's end ({seen.at(gone)}) to the exit")
    return flaws


def _long_gaps(seen: Drain, times: list[float], interval_s: float) -> list[str]:
    """The first stretch in which clients were connected and nothing was said for too long."""
    limit_s = interval_s + SAID_WITHIN_S + seen.terms.parent_delay_s
    moments = [seen.t0, *(t for t in times if t < seen.clients_gone_at), seen.clients_gone_at]
    gaps = [(start, end) for start, end in pairwise(moments) if end - start > limit_s]
    return [f"no progress line between {seen.at(a)} and {seen.at(b)} (limit {limit_s:.3f} s)" for a, b in gaps[:1]]


def _rises(seen: Drain, said: list[tuple[float, int]]) -> list[Offence]:
    """Where the count rose, if it rose by more than those who joined after t0."""
    steps = [(t, left, after) for (_, left), (t, after) in pairwise(said) if after > left]
    joined = sum(
        handshake.outcome is None or (handshake.outcome.t > seen.t0 and handshake.outcome.what != "refused")
        for handshake in seen.handshakes
    )
    if sum(after - left for _, left, after in steps) <= joined:
        return []
    return [Offence(t, "the target", f"counted {after} left after {left}") for t, left, after in steps]


def _requests(seen: Drain) -> int:
    """How many requests of the harness were answered after t0, each of which may be worth a line in an access log."""
    return sum(len(seen.probes(who)) for who in ("ready", "health", "metrics")) + sum(
        post.t >= seen.t0 for post in seen.posts
    )
