"""Clauses 1 to 4: which handshakes are accepted once the target was told to stop, and how the others are refused.

Owns: readiness, liveness, the refusal of late handshakes and the fate of those that race the signal.
Source: contract, section Admission; `Retry-After` as in RFC 9110 §10.2.3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from email.utils import parsedate_to_datetime

from ..history.client import ClientView, HandshakeOutcome
from ..history.drain import HOSTILE_READERS, READY_WITHIN_S, Drain, Probe
from ..history.machine import SMALLEST_LAG_S
from ..history.stream import StreamView
from .notice import delay_of_notice, was_due_a_notice
from .registry import clause
from .verdict import Delay, Gravity, Judgement, Offence, accuse, excluded, late, passed, short, stood_still, too_few

LEAST_PROBES = 3
LEAST_HANDSHAKES = 5
PROBE_ANSWER_S = 0.1  # a probe begun later than this before the limit cannot show that the limit was missed
ALIVE_WITHIN_S = 1.0  # how long a probe is waited for
REFUSED_WITHIN_S = 1.0
RESETS_COUNT_NOT_S = 0.15  # after the last close: a handshake in the backlog of a listener that closes is reset
REFUSED = "refused"
TCP_LEVEL = frozenset({REFUSED, "reset", "eof"})


@clause(
    1,
    "readiness-first",
    to_do="answer 503 on the readiness path as soon as the signal arrives, before anything else, and keep to it",
)
def readiness_first(seen: Drain) -> Judgement:
    """Readiness answers 503 within 250 ms of t0, never 200 again."""
    if not seen.profile.ready:
        return excluded("the target declares no readiness endpoint")
    first, limit = seen.not_ready_at, seen.ready_limit
    if doubt := stood_still(seen, seen.t0, limit if first is None else min(first, limit)):
        return doubt
    probes = seen.probes("ready")
    wrong = [
        Offence(probe.began, "a probe", f"got {probe.said}", _delay_of_probe(seen, probe), gravity=_gravity_of(probe))
        for probe in probes
        if _still_ready(seen, probe)
    ]
    turning = late(seen, _said(seen, probes), _delay_of_turning(seen))
    if wrong:
        charge = f"readiness probes were not answered 503 from the first 503, or {seen.at(limit)}, on"
        accused = accuse(seen, wrong, len(probes), charge)
        # The machine may explain each probe that hung, and not that readiness turned as late as it did.
        return turning if accused.busy and not turning.busy and (first is None or first > limit) else accused
    if len(probes) < LEAST_PROBES:
        return too_few(len(probes), LEAST_PROBES, "readiness probes after t0")
    if first is not None and first <= limit:
        return passed(f"{_said(seen, probes)}, {len(probes)} probes")
    if not any(seen.t0 <= probe.began <= limit - PROBE_ANSWER_S for probe in probes):
        return short(f"no readiness probe was begun early enough before the limit {seen.at(limit)}")
    return turning


def _said(seen: Drain, probes: Sequence[Probe]) -> str:
    if seen.not_ready_at is None:
        return f"no 503 in {len(probes)} probes"
    return f"503 at {seen.at(seen.not_ready_at)} (limit {seen.ready_limit - seen.t0:.3f} s)"


def _delay_of_turning(seen: Drain) -> Delay:
    """How long readiness took to turn, or did not turn to the end."""
    until = seen.seen_until if seen.not_ready_at is None else seen.not_ready_at
    return Delay(seen.t0, until, seen.ready_limit, READY_WITHIN_S)


def _delay_of_probe(seen: Drain, probe: Probe) -> Delay | None:
    """How late readiness was when this probe was begun; of a probe that hung, how late its answer."""
    if probe.status is None:
        return Delay(probe.began, probe.t, probe.began + READY_WITHIN_S, READY_WITHIN_S)
    if seen.not_ready_at is not None and probe.began > seen.not_ready_at:
        return None
    return Delay(seen.t0, probe.began, seen.ready_limit, READY_WITHIN_S)


def _still_ready(seen: Drain, probe: Probe) -> bool:
    if probe.status == 503:
        return False
    if probe.status == 200 and seen.not_ready_at is not None and probe.began > seen.not_ready_at:
        return True
    if probe.began < seen.ready_limit:
        return False
    return probe.status is not None or seen.while_clients_were_there(probe)


@clause(2, "still-alive", to_do="keep liveness and metrics at 200 while clients are connected: only readiness turns")
def still_alive(seen: Drain) -> Judgement:
    """Liveness and metrics answer 200 to the last client's end."""
    declared = {"health": seen.profile.health, "metrics": seen.profile.metrics}
    names = [name for name, has in declared.items() if has]
    if not names:
        return excluded("the target declares neither liveness nor metrics")
    due = {
        name: [p for p in seen.probes(name) if p.began >= seen.t0 and seen.while_clients_were_there(p)]
        for name in names
    }
    wrong = [
        Offence(probe.began, name, f"said {probe.said}", _delay_of_hang(probe), gravity=_gravity_of(probe))
        for name, probes in due.items()
        for probe in probes
        if probe.status != 200
    ]
    gone = seen.at(seen.clients_gone_at)
    if wrong:
        charge = f"liveness and metrics probes were not answered 200 before the last client was gone ({gone})"
        return accuse(seen, wrong, sum(map(len, due.values())), charge)
    for name, probes in due.items():
        if len(probes) < LEAST_PROBES:
            return too_few(len(probes), LEAST_PROBES, f"{name} probes while clients were connected")
    counts = " and ".join(f"{len(probes)} {name} probes" for name, probes in due.items())
    return passed(f"{counts} answered 200 until the last client was gone ({gone})")


def _gravity_of(probe: Probe) -> Gravity:
    """Whether an answer was wrong, was none, or was waited for in vain."""
    if probe.error is None:
        return Gravity.WRONG
    return Gravity.HELD if probe.error == "timeout" else Gravity.MISSING


def _delay_of_hang(probe: Probe) -> Delay | None:
    """Of a probe that was given up how long it was waited for."""
    return Delay(probe.began, probe.t, probe.t, ALIVE_WITHIN_S) if probe.error == "timeout" else None


@clause(
    3, "refusal-is-explicit", to_do="keep listening while you drain, and refuse each handshake with 503 and Retry-After"
)
def refusal_is_explicit(seen: Drain) -> Judgement:
    """A handshake begun after the late horizon gets 503 with Retry-After within 1 s, until the last close.

    A request for a new event stream is such a handshake.
    The listener closes after the last close and not before: no refusal and no reset by TCP comes earlier.
    """
    until = _refuses_until(seen)
    if doubt := stood_still(seen, seen.horizon, until):
        return doubt
    begun = [h for h in [*seen.handshakes, *seen.streams] if h.began >= seen.horizon and not h.hostile]
    flaws = [(h, _flaw_of_late(seen, h, until)) for h in begun]
    offences = [
        Offence(h.began, h.name, flaw, _delay_of_handshake(seen, h), gravity=_gravity_of_handshake(h))
        for h, flaw in flaws
        if flaw
    ]
    stretch = f"begun between {seen.at(seen.horizon)} and {seen.at(until)}"
    if offences:
        charge = f"late handshakes did not get 503 with Retry-After within {REFUSED_WITHIN_S:.3f} s"
        return accuse(seen, offences, len(begun), f"{charge} (owed if {stretch})")
    refused = [(h.outcome.t - h.began, h) for h in begun if h.began < until and h.outcome and h.outcome.status == 503]
    if until < seen.horizon:
        gone = f"the last client had gone at {seen.at(until)}"
        return short(f"{gone}, and only handshakes begun after {seen.at(seen.horizon)} come too late")
    if len(refused) < LEAST_HANDSHAKES:
        return too_few(len(refused), LEAST_HANDSHAKES, f"handshakes {stretch}")
    streams = sum(isinstance(each, StreamView) for _, each in refused)
    return passed(
        f"{len(refused)} handshakes {stretch} were refused, the slowest in {max(took for took, _ in refused):.3f} s"
        f" (limit {REFUSED_WITHIN_S:.3f} s)" + (f"; {streams} of them asked for an event stream" if streams else ""),
        len(refused),
    )


@clause(
    4,
    "no-orphan-joiner",
    to_do="notify also those whose handshake was under way when the signal arrived, or refuse them with 503",
)
def no_orphan_joiner(seen: Drain) -> Judgement:
    """A handshake that races the signal gets that 503, or 101 and then the notice."""
    until = _refuses_until(seen)
    racers = [h for h in seen.handshakes if _races(seen, h) and not _excused_racer(seen, h, until)]
    flaws = [(h, _flaw_of_racer(h)) for h in racers]
    offences = [
        Offence(h.began, h.name, flaw, _delay_of_racer(seen, h), gravity=_gravity_of_handshake(h))
        for h, flaw in flaws
        if flaw
    ]
    if offences:
        charge = "handshakes that raced the signal got neither 503 with Retry-After nor 101 and then the notice"
        return accuse(seen, offences, len(racers), charge)
    if len(racers) < LEAST_HANDSHAKES:
        return too_few(len(racers), LEAST_HANDSHAKES, "handshakes that raced the signal")
    joined = sum(h.opened_at is not None for h in racers)
    return passed(
        f"{len(racers)} handshakes raced the signal: {joined} joined and got a notice, the others were refused",
        len(racers),
    )


def _refuses_until(seen: Drain) -> float:
    """How long the duty to refuse lasts: to the last close; no early eviction brings it forward."""
    return seen.evicts_at if any(t < seen.evicts_at for t, _ in seen.evictions) else seen.clients_gone_at


def _flaw_of_late(seen: Drain, handshake: ClientView, until: float) -> str | None:
    outcome = handshake.outcome
    if outcome is None or outcome.error == "timeout":
        waited = (outcome.t if outcome else seen.seen_until) - handshake.began
        return f"hung for {waited:.3f} s" if outcome or waited > REFUSED_WITHIN_S else None
    if _listener_may_be_gone(seen, outcome, until):
        return None
    if outcome.status == 503 and handshake.began >= until:
        return None
    return _flaw_of_refusal(outcome, outcome.t - handshake.began)


def _flaw_of_refusal(outcome: HandshakeOutcome, took_s: float) -> str | None:
    if outcome.status != 503:
        return f"got {outcome.status or outcome.error}"
    if not _is_retry_after(outcome.retry_after):
        return f"got 503 with Retry-After {outcome.retry_after!r}" if outcome.retry_after else "got a bare 503"
    return f"got 503 after {took_s:.3f} s" if took_s > REFUSED_WITHIN_S else None


def _delay_of_handshake(seen: Drain, handshake: ClientView) -> Delay | None:
    """How long a handshake was waited for that hung or was refused late; None where its answer was a wrong one."""
    outcome = handshake.outcome
    settled = outcome.t if outcome else seen.seen_until
    hung = outcome is None or outcome.error == "timeout"
    refused = outcome is not None and outcome.status == 503 and _is_retry_after(outcome.retry_after)
    due = handshake.began + REFUSED_WITHIN_S
    return Delay(handshake.began, settled, due, REFUSED_WITHIN_S) if hung or refused else None


def _gravity_of_handshake(handshake: ClientView) -> Gravity:
    outcome = handshake.outcome
    if outcome is None or outcome.error == "timeout":
        return Gravity.HELD
    return Gravity.MISSING if outcome.what == "failed" else Gravity.WRONG


def _delay_of_racer(seen: Drain, racer: ClientView) -> Delay | None:
    """The same of one that raced the signal; who was let in and left untold was told too late."""
    if racer.opened_at is None or racer.notices:
        return _delay_of_handshake(seen, racer)
    return delay_of_notice(seen, racer)


def _is_retry_after(text: str | None) -> bool:
    """Whether a Retry-After is a whole number of seconds or an HTTP date."""
    if text is None:
        return False
    try:
        return (text.isascii() and text.isdigit()) or bool(parsedate_to_datetime(text))
    except ValueError:
        return False


def _others_may_be_there(seen: Drain) -> bool:
    """Whether the last close may have come later than any that was seen: some clients do not see how they end."""
    return any(h.hostile and h.persona not in HOSTILE_READERS for h in seen.handshakes)


def _listener_may_be_gone(seen: Drain, outcome: HandshakeOutcome, until: float) -> bool:
    """Whether a handshake ended as it may once the listener closes: at TCP level, and not before the last close.

    What is reset is so at that moment; what is refused may be so from then on. One event loop saw the last close and
    this: while it lagged, their order says nothing.
    """
    if outcome.error not in TCP_LEVEL:
        return False
    blur_s = SMALLEST_LAG_S + seen.worst_lag(until, until + RESETS_COUNT_NOT_S)
    resets_end = (
        math.inf if _others_may_be_there(seen) else until + RESETS_COUNT_NOT_S + seen.terms.parent_delay_s + blur_s
    )
    return outcome.t >= until - blur_s - seen.last_end_may_be_s and (
        outcome.error == REFUSED or outcome.t <= resets_end
    )


def _races(seen: Drain, handshake: ClientView) -> bool:
    settled = handshake.outcome.t if handshake.outcome else seen.seen_until
    return handshake.began < seen.horizon and settled > seen.t0 and not handshake.hostile


def _excused_racer(seen: Drain, racer: ClientView, until: float) -> bool:
    """Whether nothing follows from a racer: it left before its notice was due, or the last client had gone."""
    outcome = racer.outcome
    if outcome is None:
        return seen.seen_until - racer.began <= REFUSED_WITHIN_S
    if outcome.what == "opened":
        return not racer.notices and not was_due_a_notice(seen, racer)
    return _listener_may_be_gone(seen, outcome, until)


def _flaw_of_racer(racer: ClientView) -> str | None:
    outcome = racer.outcome
    if outcome is None or outcome.error == "timeout":
        return "hung"
    if outcome.what != "opened":
        return _flaw_of_refusal(outcome, took_s=0.0)
    if not racer.notices:
        return "got 101 and no notice"
    close = racer.close_received
    return "got its notice only after its close frame" if close and close.t < racer.notices[0].t else None
