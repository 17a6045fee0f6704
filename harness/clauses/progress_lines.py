"""What progress lines say, and whether their numbers can be true.

Owns the lines that a target's pattern finds, and their numbers beside what the clients saw. Refuses to know when a line
is due. Of several processes each counts its own connections: their newest lines together are compared with the clients
that were there from the oldest of these lines to the newest.

A connection may be counted from its handshake on and until its TCP connection has ended, and must be from its 101 until
one side has begun to close it. Line and end reach the harness by different ways, and so within `IN_FLIGHT_S` of each
other; a hostile client, and a long response, may be counted, and need not be.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from ..history.client import ClientView
from ..history.drain import Drain
from ..history.events import Event
from .verdict import Judgement, Offence, accuse, busy

IN_FLIGHT_S = 0.25
LEAST_FALL_S = 2.0  # between two lines that are compared, of which each may be rounded to whole seconds
NUMBER = re.compile(r"\d+(\.\d+)?")


class Line(NamedTuple):
    """One progress line: when it came, the connections and the seconds that it says are left, and its phase, if any."""

    t: float
    left: int
    phase: str | None
    seconds: float | None = None


Said = dict[str, list[Line]]  # by process


def progress_lines(seen: Drain, printed: Sequence[Event]) -> Said:
    """The progress lines among what was printed, of each process."""
    said: Said = {} if seen.profile.processes > 1 else {"": []}
    for line in printed:
        if found := re.search(seen.profile.progress_pattern, line.detail["text"]):
            groups = found.groupdict()
            who = groups.get("worker") if seen.profile.processes > 1 else None
            one = Line(line.t, int(found["left"]), groups.get("phase"), _number(groups.get("seconds")))
            said.setdefault(f"worker {who}: " if who else "", []).append(one)
    return said


def miscounts(seen: Drain, said: Said) -> Judgement | None:
    """Whether a number cannot be true: a failure, unknown where the machine may be why, or None."""
    count = sum(map(len, said.values()))
    if risen := _rises(seen, said):
        return accuse(seen, risen, count, "progress lines count more connections left than there could be")
    if standing := list(_times_that_do_not_fall(seen, said)):
        return accuse(seen, standing, count, "progress lines say a time left that does not fall")
    charge = "progress lines count other connections left than there were"
    wrong = list(_wrong(seen, said, excused=False))
    if not wrong:
        return None
    stand = list(_wrong(seen, said, excused=True))
    judgement = accuse(seen, stand or wrong, count, charge)
    return judgement if stand else busy(f"harness and target waited for the machine meanwhile: {judgement.evidence}")


def _rises(seen: Drain, said: Said) -> list[Offence]:
    """Where a count rose, if the counts rose by more than those who joined after t0."""
    steps = [
        (after.t, f"{who}{after.left} left after {before.left}", after.left - before.left)
        for who, lines in said.items()
        for before, after in pairwise(lines)
        if after.left > before.left
    ]
    joined = sum(
        handshake.outcome is None or (handshake.outcome.t > seen.t0 and handshake.outcome.what != "refused")
        for handshake in [*seen.handshakes, *seen.streams]
    )
    if sum(by for *_, by in steps) <= joined:
        return []
    return [Offence(t, "the target", f"counted {what}", kind="counted more than before") for t, what, _ in steps]


def _times_that_do_not_fall(seen: Drain, said: Said) -> Iterator[Offence]:
    """Where the time left before the deadline fell by less than half of the time that passed.

    Until when it counts is the target's to say, and so is how it is rounded. Of several processes nothing is said: one
    that is replaced has two drains under one name.
    """
    for who, lines in said.items() if seen.profile.processes == 1 else ():
        before = [(line.t, line.seconds) for line in lines if line.seconds is not None and line.t < seen.evicts_at]
        if seen.deadline is None or not before:
            continue
        (began, at_first), (ended, at_last) = before[0], before[-1]
        took = ended - began
        if took >= LEAST_FALL_S and at_first - at_last < took / 2:
            what = f"said {who}{at_last:g} s left {took:.3f} s after {at_first:g} s"
            yield Offence(ended, "the target", what, kind="said a time left that does not fall")


def _number(text: str | None) -> float | None:
    return float(text) if text and NUMBER.fullmatch(text) else None


def _wrong(seen: Drain, said: Said, excused: bool) -> Iterator[Offence]:
    """The lines with which the newest of all processes together cannot be true.

    `excused`: what harness and target waited for the machine is granted on top.
    """
    newest: dict[str, Line] = {}
    for line, who in sorted(((line, who) for who, of in said.items() for line in of), key=lambda one: one[0].t):
        newest[who] = line
        if len(newest) < len(said):
            continue
        total, since, until = sum(one.left for one in newest.values()), min(newest.values()).t, line.t
        slack_s = IN_FLIGHT_S
        if excused:
            stretch = since - IN_FLIGHT_S, until + IN_FLIGHT_S
            slack_s += seen.machine.lag_s(*stretch) + seen.machine.starved_s(*stretch)
        least = sum(_must_be_counted(client, since - slack_s, until + slack_s) for client in seen.connections)
        there = [*seen.handshakes, *seen.streams]
        most = sum(_may_be_counted(client, since - slack_s, until + slack_s) for client in there)
        if not least <= total <= most:
            what = f"counted {total} left, and the clients {least} to {most}"
            yield Offence(line.t, "the target", what, kind="counted wrongly")


def _must_be_counted(client: ClientView, start: float, end: float) -> bool:
    gone_at = math.inf if client.gone_at is None else client.gone_at
    return not client.hostile and client.let_in_at is not None and client.let_in_at <= start and gone_at >= end


def _may_be_counted(client: ClientView, start: float, end: float) -> bool:
    settled = client.ended or (client.outcome if client.opened_at is None else None)
    return client.began <= end and (settled is None or settled.t >= start or client.hostile)
