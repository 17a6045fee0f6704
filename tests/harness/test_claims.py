"""The claims of the scenario `abuse` on literal histories, and how claims are registered and judged."""

from __future__ import annotations

import pytest

from harness.clauses import abuse  # noqa: F401  # its claims are registered
from harness.clauses.claims import CLAIMS, claim, judge_claims
from harness.history.attack import ABUSE, QUIET, UNDER_ABUSE
from harness.history.record import History
from harness.scenarios import SCENARIOS
from tests.harness.histories import EXCLUDED, FAIL, PASS, TERMS, UNKNOWN, Case, Story, story, without_deadline

MIB = 2**20
QUIET_AT, ABUSE_AT, UNDER_AT = -12.0, -8.0, -6.0


def attack(quiet_took: float = 0.004, abuse_took: float = 0.006, drain_took: float = 0.006) -> Story:
    """Six honest clients hear ten posts a second for 17 s; two attackers; memory and readiness are sampled."""
    told = story().is_up(-14.0)
    phases = {QUIET: QUIET_AT, ABUSE: ABUSE_AT, UNDER_ABUSE: UNDER_AT}
    for name, t in phases.items():
        told.about("harness").add(t, "mark", name=name)
    posts = [(n, QUIET_AT + 0.1 * n) for n in range(168)]
    for n, t in posts:
        told.post(n, t)
    for i in range(6):
        told.client(f"lingerer-{i}", -13.0)
        for n, t in posts:
            took = quiet_took if t < ABUSE_AT else abuse_took if t < 0 else drain_took
            told.hears(t + took, "broadcast", n)
        told.is_evicted(5.1)
    told.client("talker-6", -13.0).says(-1.0, 0).is_answered(-0.99, 0).is_evicted(5.1)
    told.client("ping-flooder-1", -7.0, hostile=True).ends(-6.5, "reset")
    told.handshake("half-handshake-1", -7.0, hostile=True)
    told.client("brief-visitor-1", -4.0).closes(-3.9).ends(-3.8)
    for step in range(40):
        told.uses(QUIET_AT + 0.5 * step, 60 * MIB)
    told.probes("ready", QUIET_AT, -0.2).probes("ready", 0.2, 5.0, 503)
    return told.exits(5.5)


def before(t: float, told: Story) -> Story:
    """Without the marks from a moment on."""
    told.events = [event for event in told.events if event[2] != "mark" or event[0] < t]
    return told


def thinned(told: Story) -> Story:
    """Hardly anything is heard."""
    told.events = [event for event in told.events if event[2] != "heard" or event[3]["n"] < 60]
    return told


def grows(told: Story, since: float, mib: int, until: float = 99.0) -> Story:
    told.events = [
        (t, who, what, {"rss_bytes": detail["rss_bytes"] + mib * MIB})
        if what == "memory" and since <= t < until
        else (t, who, what, detail)
        for t, who, what, detail in told.events
    ]
    return told


CASES: dict[str, list[Case]] = {
    "honest-unmoved": [
        Case(
            "as before",
            attack,
            PASS,
            "p99 of 997 deliveries 0.0040 s quiet, 0.0060 s under attack (1.50 times), 0.0060 s in the drain (1.50"
            " times) (limit 0.0200 s)",
        ),
        Case("slow under attack", lambda: attack(0.015, 0.031), FAIL, "0.0310 s under attack (2.07 times)"),
        Case("slow in the drain", lambda: attack(0.015, 0.02, 0.04), FAIL, "0.0400 s in the drain (2.67 times)"),
        Case("twice as slow", lambda: attack(0.015, 0.029, 0.029), PASS, "(1.93 times)"),
        Case("what is below 20 ms", lambda: attack(0.001, 0.019), PASS, "(19.00 times)"),
        Case("one in two hundred is slow", lambda: one_in(150), PASS, "0.0100 s under attack"),
        Case("one in fifty is slow", lambda: one_in(50), FAIL, "under attack"),
        Case("posts without an answer are slow", lambda: unanswered(10), FAIL, "1.0000 s under attack"),
        Case(
            "the machine was busy", lambda: lagging(attack(0.004, 0.03)), UNKNOWN, "the harness itself lagged 0.020 s"
        ),
        Case("more than that", lambda: lagging(attack(0.004, 0.9)), FAIL, "0.9000 s under attack"),
        Case("it was slow before", lambda: lagging(attack(0.3, 0.3, 0.3), 0.3), UNKNOWN, "the harness itself lagged"),
        Case("slow by itself before", lambda: attack(0.3, 0.3, 0.3), PASS, "0.3000 s quiet"),
        Case("no deadline", lambda: without_deadline(attack()), PASS, "under attack (1.50 times) (limit"),
        Case("hardly anything", lambda: thinned(attack()), UNKNOWN, "only 121 deliveries under attack"),
        Case("no attack", lambda: before(-9.0, attack()), UNKNOWN, "no attack is on record"),
        Case("no quiet", lambda: before(-13.0, attack()), UNKNOWN, "no attack is on record"),
    ],
    "memory-bounded": [
        Case(
            "flat",
            attack,
            PASS,
            "60.0 MiB before 2 attackers came, 60.0 MiB at most (limit 92.5 MiB); 0.0 MiB more in the second half",
        ),
        Case("some for each", lambda: grows(attack(), ABUSE_AT, 30), PASS, "90.0 MiB at most"),
        Case("too much", lambda: grows(attack(), ABUSE_AT, 33), FAIL, "93.0 MiB at most"),
        Case("too much in the drain", lambda: grows(attack(), 1.0, 33), FAIL, "93.0 MiB at most"),
        Case("with time", lambda: grows(attack(), -2.0, 17), FAIL, "17.0 MiB more in the second half"),
        Case("few samples", lambda: attack().without("target", "memory"), UNKNOWN, "only 0 samples of memory"),
        Case("no attack", lambda: before(-7.0, attack()), UNKNOWN, "no attack is on record"),
        Case("never one", lambda: before(-9.0, attack()), UNKNOWN, "no attack is on record"),
    ],
    "ready-throughout": [
        Case("all answered", attack, PASS, "65 of 65 readiness probes were answered, 99 of 100 in 0.002 s"),
        Case("503 before the stop", lambda: attack().probe("ready", -3.0, 503), FAIL, "1 of 66 readiness probes"),
        Case("reset", lambda: attack().probe("ready", -3.0, None, "reset"), FAIL, "got reset"),
        Case("hung", lambda: attack().probe("ready", 2.0, None, "timeout", 1.0), FAIL, "got timeout"),
        Case("hung in a lag", lambda: attack().probe("ready", -3.0, None, "timeout", 1.0).lags(-2.5, 0.3), UNKNOWN, ""),
        Case("after the last client", lambda: attack().probe("ready", 5.4, None, "refused"), PASS, "65 of 65"),
        Case("before the attack", lambda: attack().probe("ready", -9.0, None, "reset"), PASS, "65 of 65"),
        Case("no readiness", lambda: attack().under(ready=None), EXCLUDED, "declares no readiness endpoint"),
        Case("few probes", lambda: attack().without("ready"), UNKNOWN, "only 0 readiness probes"),
        Case("no attack", lambda: before(-9.0, attack()), UNKNOWN, "no attack is on record"),
    ],
    "nobody-honest-dropped": [
        Case("nobody", attack, PASS, "8 honest clients were kept, and 1 of 1 newcomers let in"),
        Case(
            "closed",
            lambda: attack().client("a-1", -9.0).is_closed(-3.0, 1008),
            FAIL,
            "a-1 at t0-3.000 s was closed with 1008",
        ),
        Case("cut off", lambda: attack().client("a-1", -9.0).ends(2.0, "reset"), FAIL, "a-1 at t0+2.000 s was cut off"),
        Case("closed before", lambda: attack().client("a-1", -9.0).is_closed(-8.5).ends(-8.4), PASS, "8 honest"),
        Case("not let in", lambda: attack().handshake("a-1", -3.0).refused(-2.9, 429), FAIL, "was not let in: 429"),
        Case("not heard", lambda: attack().handshake("a-1", -3.0).failed(-2.9, "reset"), FAIL, "was not let in: reset"),
        Case("hung", lambda: attack().handshake("a-1", -3.0).failed(-1.0, "timeout"), FAIL, "was not let in: timeout"),
        Case(
            "hung in a lag",
            lambda: attack().handshake("a-1", -3.0).failed(-1.0, "timeout").lags(-1.5, 0.6),
            UNKNOWN,
            "the harness itself lagged",
        ),
        Case("refused after the signal", lambda: attack().handshake("a-1", -0.1).refused(0.1), PASS, "1 of 1"),
        Case("under way", lambda: attack().handshake("a-1", -0.1), PASS, "1 of 1"),
        Case("no newcomer", lambda: attack().without("brief-visitor"), UNKNOWN, "only 0 honest clients, or newcomers"),
        Case("no attack", lambda: before(-9.0, attack()), UNKNOWN, "no attack is on record"),
    ],
}


def one_in(n: int) -> Story:
    """As `attack`, but that every n-th message under attack is late."""
    told = attack()
    heard = [i for i, event in enumerate(told.events) if event[2] == "heard" and ABUSE_AT < event[0] < 0]
    for i in heard[::n]:
        t, *rest = told.events[i]
        told.events[i] = (t + 0.5, *rest)
    return told


def unanswered(count: int) -> Story:
    told = attack()
    for n in range(count):
        told.post(1000 + n, -5.0 + 0.1 * n, None, 1.0, "timeout")
    return told


def lagging(told: Story, seconds: float = 0.02) -> Story:
    for step in range(180):
        told.lags(QUIET_AT + 0.1 * step, seconds)
    return told


@pytest.mark.parametrize(("name", "case"), [(name, case) for name, cases in CASES.items() for case in cases], ids=str)
def test_a_claim_is_judged_for_the_intended_reason(name: str, case: Case) -> None:
    (ruling,) = judge_claims(case.story().history(), [name])
    assert (ruling.id, ruling.name) == (0, name)
    assert ruling.verdict is case.verdict, ruling.evidence
    assert case.phrase in ruling.evidence
    assert "\n" not in ruling.evidence
    assert bool(ruling.to_do) == (case.verdict is FAIL)


def test_each_claim_has_a_table_and_one_line_and_is_one_of_the_scenario() -> None:
    assert list(CLAIMS) == list(CASES) == list(SCENARIOS["abuse"].claims)
    assert all(one.claim and one.to_do and "\n" not in one.claim for one in CLAIMS.values())


def test_a_claim_without_a_stop_is_unknown() -> None:
    (ruling,) = judge_claims(History(TERMS), ["ready-throughout"])
    assert ruling.verdict is UNKNOWN
    assert "never told to stop" in ruling.evidence


def test_a_second_claim_of_the_same_name_is_refused() -> None:
    with pytest.raises(ValueError, match="there is a claim memory-bounded already"):
        claim("memory-bounded", "")(lambda _: pytest.fail("not judged"))
