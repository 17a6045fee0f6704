"""Clauses 27 and 29 to 31: an operator can follow a drain, and it costs little.

Owns: progress lines, the gauge of connections left, the cleanness of the log, memory and the speed of readiness.
What became of everyone is counted in `accounts`. Source: contract, section Observability.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left
from collections.abc import Iterator
from itertools import accumulate

from ..history.drain import Drain, Probe
from .log_lines import complaints
from .registry import clause
from .verdict import (
    Delay,
    Judgement,
    Offence,
    accuse,
    busy,
    excluded,
    excuse,
    failed,
    passed,
    stood_still,
    too_few,
    unknown,
)

LEAST_VALUES = 3
LEAST_CROWD = 10_000
LEAST_PROBES = 50
MOST_GROWTH = 1.1
READY_WITHIN_S = 0.1


@clause(
    29,
    "monotone",
    to_do="count down only: what joins after the late horizon is a handshake that should have been refused",
)
def monotone(seen: Drain) -> Judgement:
    """The gauge of connections left never grows after the late horizon.

    Of several processes each has a gauge of its own, for as long as it has clients; one answer may have them all.
    """
    gauge, processes = seen.profile.gauge, seen.profile.processes
    if gauge is None:
        return excluded("the target declares no gauge of the connections left")
    probes = [probe for probe in seen.probes("metrics") if probe.began >= seen.horizon and probe.left is not None]
    of_each: dict[str, list[Probe]] = {}
    for probe in probes:
        values = (probe.of_each if processes > 1 else None) or {"": _value(probe)}
        for name, left in values.items():
            of_each.setdefault(name, []).append(probe._replace(left=left))
    since = f"begun after the late horizon ({seen.at(seen.horizon)})"
    if grown := [offence for name, of_one in of_each.items() for offence in _grown(name, of_one)]:
        return accuse(seen, grown, len(probes), f"probes {since} found {gauge} grown")
    if not probes and (bare := _without_a_value(seen)) >= LEAST_VALUES:
        return failed(f"{bare} answers to probes {since} while clients were connected had no {gauge}", "no gauge")
    if (most := max(map(len, of_each.values()), default=0)) < LEAST_VALUES:
        return too_few(most, LEAST_VALUES, f"values of {gauge} from probes {since}")
    first, last = (sum(_value(of_one[end]) for of_one in of_each.values()) for end in (0, -1))
    return passed(f"{gauge} never grew in {len(probes)} probes {since}, from {first:g} to {last:g}")


def _without_a_value(seen: Drain) -> int:
    """How many answers about the metrics did not have the gauge, though clients were there to be counted."""
    asked = [probe for probe in seen.probes("metrics") if probe.began >= seen.horizon and probe.status == 200]
    return sum(probe.left is None and seen.while_clients_were_there(probe) for probe in asked)


def _grown(name: str, probes: list[Probe]) -> Iterator[Offence]:
    """The probes of one process that found more than others before them. Two requests that overlap have no order."""
    lowest = list(accumulate((_value(probe) for probe in probes), min))
    settled = [probe.t for probe in probes]
    for probe in probes:
        before = bisect_left(settled, probe.began)
        if before and _value(probe) > lowest[before - 1]:
            of_one = f" of worker {name}" if name else ""
            what = f"found {_value(probe):g}{of_one} after {lowest[before - 1]:g}"
            yield Offence(probe.began, "a probe", what, kind="found more than before")


def _value(probe: Probe) -> float:
    return math.inf if probe.left is None else probe.left


@clause(
    30,
    "clean-log",
    to_do="handle what is raised while stopping: a cancelled task and a client that is gone are no errors",
)
def clean_log(seen: Drain) -> Judgement:
    """No traceback, no warning about a task, no ERROR line.

    A harness that gave up has killed the target: what follows is its own doing. So is that a worker which it killed is
    missed: a line that names its process is no offence.
    """
    if not seen.terms.logs:
        return excluded("the output of the target is not captured")
    until = math.inf if seen.gave_up_at is None else seen.gave_up_at
    lines = [line for line in seen.lines if line.t < until]
    if not lines and seen.exited_at is None and seen.gave_up_at is None:
        return unknown("the target was not watched until it exited")
    offences = [
        Offence(lines[found.line].t, "the target", found.what, kind=found.kind)
        for found in complaints([line.detail["text"] for line in lines])
        if not any(re.search(rf"\b{kill.pid}\b", found.what) for kill in seen.kills)
    ]
    if offences:
        return accuse(seen, offences, len(lines), "lines are tracebacks, warnings about tasks or errors")
    return passed(f"{len(lines)} lines, and no traceback, warning about a task or error in them")


@clause(
    31,
    "stays-light",
    to_do="allocate nothing for each client at the stop, and answer readiness before the crowd is dealt with",
)
def stays_light(seen: Drain) -> Judgement:
    """Draining 10,000 clients adds at most 10 % of memory; readiness answers within 100 ms."""
    crowd = sum(client.connected_at(seen.t0) for client in seen.connections)
    if crowd < LEAST_CROWD:
        return too_few(crowd, LEAST_CROWD, "clients connected at t0")
    before = [rss_bytes for t, rss_bytes in seen.memory if t <= seen.t0]
    after = [rss_bytes for t, rss_bytes in seen.memory if t > seen.t0]
    if not before or not after:
        return unknown(f"memory was sampled {len(before)} times before t0 and {len(after)} times after")
    growth = max(after) / before[-1]
    said = f"{crowd} clients, memory {growth:.3f} times that at t0 (limit {MOST_GROWTH:.3f})"
    if growth > MOST_GROWTH:
        return failed(f"{said}: {max(after)} bytes, and {before[-1]} at t0")
    return _readiness_was_quick(seen, said) if seen.profile.ready else passed(said)


def _readiness_was_quick(seen: Drain, said: str) -> Judgement:
    if doubt := stood_still(seen, seen.t0, seen.clients_gone_at):
        return doubt
    probes = [probe for probe in seen.probes("ready") if probe.began >= seen.t0]
    probes = [probe for probe in probes if seen.while_clients_were_there(probe)]
    if len(probes) < LEAST_PROBES:
        return too_few(len(probes), LEAST_PROBES, "readiness probes while clients were connected")
    took = sorted(probe.t - probe.began for probe in probes)
    most_slow = len(took) - math.ceil(0.99 * len(took))
    p99_s = took[-1 - most_slow]
    said = f"{said}; readiness within {p99_s:.3f} s in 99 % of {len(took)} probes (limit {READY_WITHIN_S:.3f} s)"
    if p99_s <= READY_WITHIN_S:
        return passed(said)
    slow = [probe for probe in probes if probe.t - probe.began > READY_WITHIN_S]
    excuses = [excuse(seen, Delay(p.began, p.t, p.began + READY_WITHIN_S, READY_WITHIN_S)) for p in slow]
    why = next((why for why in excuses if why), None)
    return busy(f"{why}: {said}") if why and excuses.count(None) <= most_slow else failed(said)
