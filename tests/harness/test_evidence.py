"""Evidence counts offenders by what happened to them, the worst first, and names one of each."""

from __future__ import annotations

from harness.clauses import CLAUSES
from harness.clauses.verdict import Delay, Gravity, Offence, accuse, by_kind
from tests.harness.histories import FAIL, T0, story

DRAIN = story().history().drain
assert DRAIN is not None


def offence(t: float, what: str, late_s: float | None = None, kind: str = "", gravity: int = 0) -> Offence:
    delay = None if late_s is None else Delay(T0 + t, T0 + t + 1 + late_s, T0 + t + 1, 1.0)
    return Offence(T0 + t, f"client-{t:g}", what, delay, kind, Gravity(gravity))


def test_of_one_kind_the_first_is_named() -> None:
    judgement = accuse(DRAIN, [offence(2, "was cut"), offence(1, "was cut")], 7, "clients were cut")
    assert (judgement.verdict, judgement.evidence) == (
        FAIL,
        "2 of 7 clients were cut; first client-1 at t0+1.000 s was cut",
    )


def test_times_that_differ_are_one_kind_shown_by_the_worst() -> None:
    late = [offence(t, f"was closed after {1 + over:.3f} s", over) for t, over in ((1, 0.203), (2, 0.31), (3, 0.1))]
    assert by_kind(DRAIN, late) == "worst client-2 at t0+2.000 s was closed after 1.310 s"


def test_what_differs_by_a_message_is_one_kind_if_it_says_so() -> None:
    lost = [offence(n, f"did not get speaker-{n}", kind="did not get one") for n in (1, 2)]
    assert by_kind(DRAIN, lost) == "first client-1 at t0+1.000 s did not get speaker-1"


def test_close_codes_are_kinds_of_their_own_and_the_most_frequent_comes_first() -> None:
    closed = [offence(1, "was closed with 1000"), *(offence(t, "was closed with 1001") for t in (2, 3))]
    assert by_kind(DRAIN, closed) == (
        "2 times: first client-2 at t0+2.000 s was closed with 1001;"
        " 1 time: first client-1 at t0+1.000 s was closed with 1000"
    )


def test_the_gravest_comes_before_the_most_frequent() -> None:
    both = [offence(1, "was late"), offence(2, "was late"), offence(3, "hung", gravity=Gravity.HELD)]
    assert by_kind(DRAIN, both).startswith("1 time: first client-3 at t0+3.000 s hung; 2 times: ")


def test_of_many_kinds_three_are_shown_and_the_others_counted() -> None:
    many = [offence(t, f"got {t}") for t in range(5)] + [offence(6, "got 4")]
    said = by_kind(DRAIN, many)
    assert said.count("first") == 3
    assert said.endswith("first client-1 at t0+1.000 s got 1; 2 of 2 other kinds")


def test_of_a_process_that_hangs_the_last_lines_are_shown() -> None:
    told = story().prints(1.0, "INFO: first")
    for t, text in ((2.0, "INFO: waiting for 3 tasks"), (2.1, " "), (2.2, "INFO: x"), (2.3, "y" * 200), (9.1, "later")):
        told.prints(t, text)
    judgement = CLAUSES[20].judge(told.gives_up(9.0).history())
    assert judgement.evidence == (
        "the target was still running when the harness gave up at t0+9.000 s;"
        f" the last that it printed: 'INFO: waiting for 3 tasks', 'INFO: x', {'y' * 100!r}"
    )
