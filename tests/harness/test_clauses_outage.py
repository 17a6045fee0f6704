"""What clause 33 asks while the broker is away, on literal histories: answers in time, and the truth about a loss."""

from __future__ import annotations

import pytest

from harness.clauses import CLAUSES
from tests.harness.histories import FAIL, PASS, UNKNOWN, Case, check
from tests.harness.resume_runs import END_S, SPEAKERS, Deploy, stays

KILLED, BACK = 2.0, 4.0


def outage(begins: str = "killed", ends: str = "ready") -> Deploy:
    """Twelve clients of one host, whose broker is away for 2 s; publishes are answered all the time."""
    told = Deploy()
    for i in range(12):
        stays(told, SPEAKERS[i] if i < len(SPEAKERS) else f"reconnecting-{i}")
    return broker(told.says_everything(), (KILLED, begins), (BACK, ends))


def broker(told: Deploy, *moments: tuple[float, str]) -> Deploy:
    told.about("broker")
    for t, what in moments:
        told.add(t, what)
    return told


def posts(told: Deploy, began: float, took: float) -> Deploy:
    told.post(0, began, status=503, took=took)
    return told


def publishes(told: Deploy, t: float, answer: str | None = None, took: float = 0.1) -> Deploy:
    """A publish of somebody else, and what became of it."""
    told.about("reconnecting-5/1").add(t, "published", n=1, frames=0)
    if answer == "ended":
        told.ends(t + took)
    elif answer is not None:
        told.add(t + took, answer, code="broker_unavailable", frames=0)
    return told


def emptied(told_by: float = BACK + 0.5, but: tuple[str, ...] = (), clients: int = 12) -> Deploy:
    """The broker comes back with nothing, and all are told, but some."""
    told = Deploy()
    for i in range(clients):
        client = SPEAKERS[i] if i < len(SPEAKERS) else f"reconnecting-{i}"
        stays(told, client)
        if client not in but:
            frames = sum(row[0] < told_by for row in told.rows[told.who])
            told.has_a_gap(told_by, after=0, following=1, epoch="f", frames=frames)
    told.says_everything()
    return broker(told, (KILLED, "killed"), (BACK - 0.1, "emptied"), (BACK, "ready"))


CASES = [
    Case("answered in time", outage, PASS, "21 publishes while the broker was away, the slowest answered in 0.005 s"),
    Case("it stood still", lambda: outage("frozen", "thawed"), PASS, "21 publishes while the broker was away"),
    Case("refused in time", lambda: posts(outage(), 3.0, 0.9), PASS, "the slowest answered in 0.900 s"),
    Case(
        "a POST that hangs",
        lambda: posts(outage(), 3.0, 1.001),
        FAIL,
        "first a POST at +2.900 s had no answer to a publish in 1.001 s (limit 1.000 s)",
    ),
    Case("a POST that hung before", lambda: posts(outage(), 1.0, 1.001), PASS, "21 publishes while"),
    Case("declined in time", lambda: publishes(outage(), 3.001, "error"), PASS, "the slowest answered in 0.100 s"),
    Case(
        "a publish that hangs",
        lambda: publishes(outage(), 3.001),
        FAIL,
        "first reconnecting-5/1 at +2.901 s had no answer to a publish in 5.999 s (limit 1.000 s)",
    ),
    Case("a connection that ends first", lambda: publishes(outage(), 3.001, "ended", took=1.5), PASS, "21 publishes"),
    Case("it never came back", lambda: outage().without("broker", "ready"), PASS, "61 publishes while the broker"),
    Case("always there", lambda: outage().without("broker"), PASS, "moved 0 times"),
    Case(
        "none at all",
        lambda: broker(outage().without("broker"), (END_S - 0.5, "killed")),
        UNKNOWN,
        "only 0 publishes while the broker was away, and a verdict needs 10",
    ),
    Case(
        "a pass stands whatever the lag",
        lambda: lagging(outage(), 3.0, 0.3),
        PASS,
        "the slowest answered in",
    ),
    Case("all were told of the loss", emptied, PASS, "the log was lost before 12 clients"),
    Case(
        "one was not",
        lambda: emptied(but=("reconnecting-5",)),
        FAIL,
        "first reconnecting-5 at +3.900 s got no gap within 3.000 s, and the log had been lost",
    ),
    Case("all too late", lambda: emptied(told_by=BACK + 3.1), FAIL, "got no gap within 3.000 s"),
    Case(
        "nobody could be told",
        lambda: emptied().without("broker", "ready"),
        UNKNOWN,
        "only 0 clients were connected to get a gap, and a verdict needs 10",
    ),
]


def lagging(told: Deploy, t: float, seconds: float) -> Deploy:
    told.lags(t, seconds)
    return told


@pytest.mark.parametrize("case", CASES, ids=str)
def test_an_outage_is_judged_by_what_clients_are_told_in_it(case: Case) -> None:
    check(CLAUSES[33], case)
