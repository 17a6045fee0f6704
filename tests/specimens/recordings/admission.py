"""Recorded faults against clauses 1 to 4: readiness, liveness, and how handshakes are refused."""

from __future__ import annotations

from harness.history.client import ClientView
from harness.history.events import Event

from .recording import Recording
from .specimen import Missed, Subtle, specimen

UNKNOWN_SUBPROTOCOL = "ebb.unknown"


def late_handshakes(run: Recording) -> list[ClientView]:
    """The handshakes that came too late and were refused, before the deadline."""
    seen = run.seen
    late = (handshake for handshake in seen.handshakes if seen.horizon < handshake.began < seen.evicts_at - 0.5)
    return [handshake for handshake in late if handshake.outcome and handshake.outcome.status == 503]


def refused_racers(run: Recording) -> list[Event]:
    """The refusals of handshakes that raced the signal."""
    racers = [h for h in run.seen.handshakes if h.began < run.seen.horizon and h.outcome and h.outcome.t > run.seen.t0]
    return [run.first(h.name, "refused") for h in racers if h.outcome and h.outcome.status == 503]


@specimen("drain", {1}, Subtle.ONLY_EVICTING)
def readiness_says_500_once_while_evicting(run: Recording) -> Recording:
    """One readiness probe gets 500 while clients are evicted, all others 503."""
    return run.changed(run.while_evicting("ready"), status=500)


@specimen("drain", {1, 6})
def readiness_turns_back_once(run: Recording) -> Recording:
    """In the middle of the drain readiness answers 200 once more."""
    return run.changed(run.first("ready", since=run.seen.t0 + 1.0), status=200)


@specimen("drain", {2}, Subtle.ONLY_EVICTING)
def liveness_says_503_once_while_evicting(run: Recording) -> Recording:
    """One liveness probe gets 503 while clients are evicted, all others 200."""
    return run.changed(run.while_evicting("health"), status=503)


@specimen("hostile", {2}, Subtle.ONE_IN_FIFTY)
def metrics_hang_once(run: Recording) -> Recording:
    """One request for the metrics hangs for a second, until it is given up."""
    probe = run.first("metrics", since=run.seen.t0 + 0.5)
    hung = {"status": None, "error": "timeout", "connections": None, "of_each": None}
    return run.changed(probe, t=probe.detail["began"] + 1.0, **hung)


@specimen("drain", {3}, Subtle.ONE_IN_FIFTY)
def one_refusal_lacks_retry_after(run: Recording) -> Recording:
    """One late handshake is refused without `Retry-After`, all others with it."""
    return run.changed(run.first(late_handshakes(run)[-1].name, "refused"), retry_after=None)


@specimen("drain", {3}, Subtle.JUST_BEYOND)
def one_refusal_takes_a_tenth_too_long(run: Recording) -> Recording:
    """One late handshake is refused after 1.1 s."""
    late = late_handshakes(run)[0]
    return run.changed(run.first(late.name, "refused"), t=late.began + 1.1)


@specimen("drain", {3}, Subtle.ONLY_EVICTING)
def the_listener_closes_before_the_last_client_is_gone(run: Recording) -> Recording:
    """In the last 0.3 s before the last client's end handshakes are refused by TCP: nobody listens."""
    gone = run.seen.clients_gone_at
    last = [late.name for late in run.seen.handshakes if gone - 0.3 < late.began < gone - 0.1]
    edited = run.without(*(run.first(name, "refused") for name in last))
    for name in last:
        edited = edited.plus(run.first(name, "connecting").t + 0.001, name, "failed", error="refused")
    return edited


@specimen("drain", {4}, Subtle.ONE_IN_FIFTY)
def one_racer_gets_500(run: Recording) -> Recording:
    """One handshake that races the signal gets 500, all others 503 or 101 and a notice."""
    return run.changed(refused_racers(run)[0], status=500)


@specimen("drain", {4}, Subtle.ONE_KIND, missed_before=Missed.NO_SUCH_CLIENT)
def racers_with_an_unknown_subprotocol_get_400(run: Recording) -> Recording:
    """Handshakes that race the signal and offer a subprotocol that the server does not know get 400."""
    unknown = [event for event in refused_racers(run) if run.subprotocol(event.who) == UNKNOWN_SUBPROTOCOL]
    return run.changed(*unknown, status=400)
