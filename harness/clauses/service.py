"""Clause 9: the clients that are there are served as before, to the deadline.

Owns the stretch between t0 and the deadline that is looked at, and the verdict on it. What is due to each client in it
is counted in `due`; what becomes of what the server took on is clause 10 (`accepted`). Source: contract, section
Service while draining.
"""

from __future__ import annotations

from ..history.drain import Drain
from .due import Services
from .registry import clause
from .streams import events_due
from .verdict import Judgement, accuse, passed, unknown

STRETCH_BEGINS_S = 0.25  # after t0
STRETCH_ENDS_S = 0.1  # before the deadline, or the first close by the server where there is none
LEAST_MESSAGES = 3  # of others, so that a client counts as one that broadcasts reached


@clause(
    9, "still-served", to_do="go on serving those who are connected until the deadline: the stop is only for newcomers"
)
def still_served(seen: Drain) -> Judgement:
    """Connected clients go on being served: every broadcast, notification and reply that is due.

    Event streams have events as before. A server that had accepted a POST before t0 accepts each of them.
    """
    start, end = seen.t0 + STRETCH_BEGINS_S, _serves_until(seen) - STRETCH_ENDS_S
    if start >= end:
        return unknown(f"nothing can be seen in the stretch that ended at {seen.at(end + STRETCH_ENDS_S)}")
    services = Services(seen, start, min(end, seen.seen_until))
    dues = {"broadcasts": services.broadcasts, "notifications": services.notifications, "replies": services.replies}
    dues |= {"events": events_due(seen, start, min(end, seen.seen_until))} if seen.streams else {}
    offences = services.refused_posts + [due.offence for of_kind in dues.values() for due in of_kind if due.offence]
    stretch = f"between {seen.at(start)} and {seen.at(end)}"
    if offences:
        of = len(services.refused_posts) + sum(map(len, dues.values()))
        kinds = "broadcasts, notifications and replies" + (", and events of streams," if seen.streams else "")
        return accuse(seen, offences, of, f"due {kinds} did not come, or were refused, {stretch}")
    if seen.seen_until < end or not any(c.connected_at(seen.t0) and c.connected_at(end) for c in seen.readers):
        return unknown(f"no client was connected from t0 to {seen.at(end)}")
    dues["broadcasts"] = [due for due in dues["broadcasts"] if due.messages >= LEAST_MESSAGES]
    observed = [f"{kind} reached {len(of_kind)} clients" for kind, of_kind in dues.items() if of_kind]
    if not observed:
        return unknown(f"nothing was sent {stretch} that could be observed")
    return passed(f"all {', '.join(observed)} {stretch}", max(map(len, dues.values())))


def _serves_until(seen: Drain) -> float:
    """To the end of the grace; without a deadline to the first close by the server, or until all were sent home."""
    if seen.deadline is not None:
        return seen.evicts_at
    ends = [seen.sent_home_at, seen.exited_at, *(t for t, _ in seen.reader_evictions[:1])]
    return min((t for t in ends if t is not None), default=seen.seen_until)
