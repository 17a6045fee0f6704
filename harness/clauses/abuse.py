"""What honest clients notice of an attack, and what it costs the server: the claims of the scenario `abuse`.

Owns: the delay of messages beside that of the quiet while before, in the same run; memory; readiness; who was dropped.
They ask for no limit of any kind, only for what an attack must not do to others, so that any server can be asked.
Source: docs/contract.md, *Under abuse*.

Rules. Of a message counts how long it was on its way from its sender to each honest client that got it, and of a POST
that got no answer how long it was waited for. A delay is late beyond twice the quiet p99; a hundredth of all may be
late. What the machine explains is not counted. Memory may grow with the attackers that are connected, not with time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from ..history.attack import ABUSE, QUIET, UNDER_ABUSE
from ..history.client import ClientView
from ..history.drain import Drain, Probe
from .claims import claim
from .verdict import (
    Delay,
    Gravity,
    Judgement,
    Offence,
    accuse,
    busy,
    excluded,
    excuse,
    failed,
    passed,
    too_few,
    unknown,
)

TIMES_SLOWER = 2
WORTH_COUNTING_S = 0.02  # a p99 below this is noise of two cores, whatever it was before
QUIET_WITHIN_S = 0.25  # a quiet p99 beyond this is the machine's, if the machine explains it
IN_FLIGHT_S = 0.25
LATE_PART = 0.01
LEAST_DELIVERIES = 200
READY_WITHIN_S = 1.0
LET_IN_WITHIN_S = 2.0
LEAST_PROBES = 20
MIB = 2**20
BASE_BYTES, EACH_BYTES = 32 * MIB, MIB // 4
STILL_BYTES, STILL_PART = 16 * MIB, 0.1
LEAST_SAMPLES = 4
NO_ATTACK = unknown("no attack is on record")


class Latency(NamedTuple):
    """One message on its way to one client, or one POST that got no answer."""

    sent_at: float
    took_s: float


@claim("honest-unmoved", to_do="take little from each client in one turn, and close one that floods")
def honest_unmoved(seen: Drain) -> Judgement:
    """Under attack, and in a drain under attack, the p99 of honest clients' messages is at most twice the quiet one."""
    quiet_at, abuse_at = seen.entered_at(QUIET), seen.entered_at(ABUSE)
    if quiet_at is None or abuse_at is None:
        return NO_ATTACK
    deliveries = list(_deliveries(seen))
    stretches = {
        "quiet": _within(deliveries, quiet_at, abuse_at - IN_FLIGHT_S),
        "under attack": _within(deliveries, abuse_at, seen.t0),
        "in the drain": _within(deliveries, seen.t0, seen.evicts_at - IN_FLIGHT_S),
    }
    if seen.evicts_at == seen.t0:
        del stretches["in the drain"]
    for name, stretch in stretches.items():
        if len(stretch) < LEAST_DELIVERIES:
            return too_few(len(stretch), LEAST_DELIVERIES, f"deliveries {name}")
    p99s = {name: p99(stretch) for name, stretch in stretches.items()}
    quiet = p99s.pop("quiet")
    limit_s = max(TIMES_SLOWER * quiet.took_s, WORTH_COUNTING_S)
    figures = ", ".join(f"{p.took_s:.4f} s {name} ({p.took_s / quiet.took_s:.2f} times)" for name, p in p99s.items())
    count = sum(map(len, stretches.values()))
    said = f"p99 of {count} deliveries {quiet.took_s:.4f} s quiet, {figures} (limit {limit_s:.4f} s)"
    excuses = _Excuses(seen, limit_s)
    verdicts = [excuses.of(stretches[name]) for name in p99s]
    if not all(verdicts):
        return failed(said)
    if doubts := [why for why in verdicts if isinstance(why, str)]:
        return busy(f"{doubts[0]}: {said}")
    if quiet.took_s > QUIET_WITHIN_S and (why := _Excuses(seen, QUIET_WITHIN_S).excuse(quiet)):
        return busy(f"{why}: {said}")
    return passed(said)


class _Excuses:
    """Whether the deliveries of a stretch were late, and whether the machine explains it."""

    def __init__(self, seen: Drain, limit_s: float) -> None:
        self._seen = seen
        self._limit_s = limit_s
        self._known: dict[tuple[int, int], str | None] = {}

    def of(self, stretch: Sequence[Latency]) -> str | bool:
        """True where they are in time, False where they are not, or else how the machine explains it."""
        allowed = LATE_PART * len(stretch)
        late = [delivery for delivery in stretch if delivery.took_s > self._limit_s]
        if len(late) <= allowed:
            return True
        excuses = [self.excuse(delivery) for delivery in late]
        if excuses.count(None) > allowed:
            return False
        return next(why for why in excuses if why is not None)

    def excuse(self, delivery: Latency) -> str | None:
        """How the machine explains a delay; deliveries of the same 10 ms share it."""
        until = delivery.sent_at + delivery.took_s
        key = int(100 * delivery.sent_at), int(100 * until)
        if key not in self._known:
            delay = Delay(delivery.sent_at, until, delivery.sent_at + self._limit_s, self._limit_s)
            self._known[key] = excuse(self._seen, delay)
        return self._known[key]


def p99(deliveries: Sequence[Latency]) -> Latency:
    """The delivery than which one in a hundred took longer."""
    ranked = sorted(deliveries, key=lambda delivery: delivery.took_s)
    return ranked[len(ranked) - 1 - int(LATE_PART * len(ranked))]


def _within(deliveries: Sequence[Latency], start: float, end: float) -> list[Latency]:
    return [delivery for delivery in deliveries if start <= delivery.sent_at < end]


def _deliveries(seen: Drain) -> Iterator[Latency]:
    sent_at = {("broadcast", post.detail["n"]): post.detail["began"] for post in seen.posts}
    honest = _honest(seen)
    for client in honest:
        sent_at |= {(client.name, sent.detail["n"]): sent.t for sent in client.sent}
    for client in honest:
        heard = (((event.detail["sender"], event.detail["n"]), event.t) for event in client.heard)
        answered = (((client.name, event.detail["n"]), event.t) for event in client.answered)
        yield from (
            Latency(sent_at[token], t - sent_at[token]) for token, t in chain(heard, answered) if token in sent_at
        )
    for post in seen.posts:
        if post.detail["status"] is None:
            yield Latency(post.detail["began"], post.t - post.detail["began"])


def _honest(seen: Drain) -> list[ClientView]:
    return [client for client in seen.connections if not client.hostile]


@claim("memory-bounded", to_do="bound what is kept for one client before it is read, and while it does not read")
def memory_bounded(seen: Drain) -> Judgement:
    """Memory grows with the number of attackers that there are, 256 KiB for each, and not with time."""
    abuse_at, under_at = seen.entered_at(ABUSE), seen.entered_at(UNDER_ABUSE)
    if abuse_at is None or under_at is None:
        return NO_ATTACK
    before = [rss for t, rss in seen.memory if t < abuse_at]
    middle = (under_at + seen.t0) / 2
    first = [rss for t, rss in seen.memory if under_at <= t < middle]
    second = [rss for t, rss in seen.memory if middle <= t < seen.t0]
    after = [rss for t, rss in seen.memory if abuse_at <= t]
    if (fewest := min(len(before), len(first), len(second))) < LEAST_SAMPLES:
        return too_few(fewest, LEAST_SAMPLES, "samples of memory in one of its stretches")
    attackers = len({client.name for client in seen.handshakes if client.hostile})
    limit = max(before) + BASE_BYTES + attackers * EACH_BYTES
    growth, still = max(second) - max(first), max(STILL_BYTES, int(STILL_PART * max(first)))
    said = (
        f"{_mib(max(before))} before {attackers} attackers came, {_mib(max(after))} at most (limit {_mib(limit)});"
        f" {_mib(growth)} more in the second half of the attack than in the first (limit {_mib(still)})"
    )
    return failed(said) if max(after) > limit or growth > still else passed(said)


def _mib(size: int) -> str:
    return f"{size / MIB:.1f} MiB"


@claim("ready-throughout", to_do="let no client have the event loop for long: take little from each in one turn")
def ready_throughout(seen: Drain) -> Judgement:
    """Every readiness probe is answered within 1 s while the attack lasts: 200, and 503 once it is told to stop."""
    if not seen.profile.ready:
        return excluded("the target declares no readiness endpoint")
    abuse_at = seen.entered_at(ABUSE)
    if abuse_at is None:
        return NO_ATTACK
    probes = [probe for probe in seen.probes("ready", abuse_at) if probe.t <= seen.t0 or _counts(seen, probe)]
    wrong = [
        Offence(probe.began, "a probe", f"got {probe.said}", _delay_of(probe), gravity=_gravity(probe))
        for probe in probes
        if (probe.status != 200 if probe.t <= seen.t0 else probe.status is None)
    ]
    if wrong:
        return accuse(seen, wrong, len(probes), "readiness probes were not answered as they should")
    if len(probes) < LEAST_PROBES:
        return too_few(len(probes), LEAST_PROBES, "readiness probes under attack")
    slowest = p99([Latency(probe.began, probe.t - probe.began) for probe in probes])
    return passed(f"{len(probes)} of {len(probes)} readiness probes were answered, 99 of 100 in {slowest.took_s:.3f} s")


def _counts(seen: Drain, probe: Probe) -> bool:
    return seen.while_clients_were_there(probe)


def _delay_of(probe: Probe) -> Delay | None:
    within = Delay(probe.began, probe.t, probe.began + READY_WITHIN_S, READY_WITHIN_S)
    return within if probe.error == "timeout" else None


def _gravity(probe: Probe) -> Gravity:
    return Gravity.WRONG if probe.error is None else Gravity.MISSING


@claim("nobody-honest-dropped", to_do="close the client that attacks and no other, and go on letting honest ones in")
def nobody_honest_dropped(seen: Drain) -> Judgement:
    """Under attack no honest client is closed before the deadline, and honest newcomers are let in until the stop."""
    abuse_at = seen.entered_at(ABUSE)
    if abuse_at is None:
        return NO_ATTACK
    honest = [client for client in _honest(seen) if client.gone_at is None or client.gone_at >= abuse_at]
    closed = [
        Offence(client.evicted_at, client.name, _how(client), gravity=Gravity.MISSING)
        for client in honest
        if client.evicted_at is not None and client.evicted_at < seen.evicts_at
    ]
    came = [c for c in seen.handshakes if not c.hostile and c.outcome and abuse_at <= c.began and c.outcome.t < seen.t0]
    refused = [
        Offence(client.began, client.name, f"was not let in: {said}", _delay_of_handshake(client))
        for client in came
        if (said := _refusal(client)) is not None
    ]
    if offences := [*closed, *refused]:
        return accuse(seen, offences, len({*honest, *came}), "honest clients were dropped, or not let in")
    if not honest or not came:
        return too_few(min(len(honest), len(came)), 1, "honest clients, or newcomers, in the attack")
    return passed(f"{len(honest)} honest clients were kept, and {len(came)} of {len(came)} newcomers let in")


def _how(client: ClientView) -> str:
    return f"was closed with {client.close_received.code}" if client.close_received else "was cut off"


def _refusal(client: ClientView) -> str | None:
    outcome = client.outcome
    if outcome is None or outcome.what == "opened":
        return None
    return str(outcome.status or outcome.error)


def _delay_of_handshake(client: ClientView) -> Delay | None:
    outcome = client.outcome
    if outcome is None or outcome.error != "timeout":
        return None
    return Delay(client.began, outcome.t, client.began + LET_IN_WITHIN_S, LET_IN_WITHIN_S)
