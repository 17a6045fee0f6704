"""The life of a shutdown, told event by event: whole states and whole effects are compared."""

from __future__ import annotations

from itertools import pairwise

import pytest

from server.drain.events import (
    Abort,
    Departure,
    DrainReport,
    DrainTerms,
    Effect,
    Evict,
    ForceRequested,
    Gone,
    Joined,
    Notify,
    Phase,
    Progress,
    StopRequested,
    Ticked,
)
from server.drain.machine import TRANSITIONS, Drain, IllegalEvent

TERMS = DrainTerms(
    drain_timeout_s=100, evict_per_s=4, close_timeout_s=5, reconnect_window_s=20, progress_interval_s=1000
)


def serving(*connections: int, terms: DrainTerms = TERMS) -> Drain:
    drain = Drain(terms)
    for connection in connections:
        assert drain.handle(Joined(connection), now=0) == []
    return drain


def draining(*connections: int, terms: DrainTerms = TERMS) -> Drain:
    drain = serving(*connections, terms=terms)
    drain.handle(StopRequested(), now=10)
    return drain


def approx(moment: float) -> object:
    return pytest.approx(moment, abs=0.005)


def evicted(effects: list[Effect]) -> tuple[int, ...]:
    return tuple(number for effect in effects if isinstance(effect, Evict) for number in effect.connections)


def test_every_phase_has_its_row_in_the_table():
    assert set(TRANSITIONS) == set(Phase)


def test_a_stop_tells_everyone_with_moments_spread_evenly_over_the_window():
    drain = serving(1, 2, 3, 4)

    effects = drain.handle(StopRequested(), now=10)

    assert effects == [
        Notify(((1, approx(6.18)), (2, approx(18.54)), (3, approx(10.90)), (4, approx(3.26))), deadline=110),
        Progress(Phase.DRAINING, remaining=4, time_left_s=100),
    ]


@pytest.mark.parametrize("others", [(0, 900), (900, 0), (450, 450), (37, 863)])
def test_connections_that_come_one_after_another_do_not_press_the_moments_of_all_others_together(
    others: tuple[int, int],
):
    earlier, later = others
    drain = serving(*range(earlier + 100 + later))

    notify = drain.handle(StopRequested(), now=10)[0]

    assert isinstance(notify, Notify)
    moments = sorted(moment for connection, moment in notify.moments if earlier <= connection < earlier + 100)
    gaps = [b - a for a, b in pairwise([0, *moments, TERMS.window_s])]
    assert max(gaps) < 3 * TERMS.window_s / 100
    assert len({moment for _, moment in notify.moments}) == len(notify.moments)


def test_the_window_is_never_longer_than_half_of_the_drain():
    assert DrainTerms(drain_timeout_s=10, reconnect_window_s=30).window_s == 5
    assert DrainTerms(drain_timeout_s=1800, reconnect_window_s=30).window_s == 30


def test_a_second_stop_changes_nothing_and_never_moves_the_deadline():
    drain = draining(1)

    assert drain.handle(StopRequested(), now=60) == []
    assert (drain.phase, drain.deadline) == (Phase.DRAINING, 110)


def test_a_stop_with_nobody_there_is_over_at_once():
    drain = serving()

    effects = drain.handle(StopRequested(), now=10)

    assert effects == [Progress(Phase.DRAINING, 0, 100), Progress(Phase.STOPPED, 0, 0)]


def test_the_grace_holds_an_empty_server_until_it_is_over():
    drain = draining(terms=DrainTerms(drain_timeout_s=100, grace_s=3))

    drain.handle(Ticked(), now=12.9)
    assert drain.phase is Phase.DRAINING
    drain.handle(Ticked(), now=13)
    assert drain.phase is Phase.STOPPED


def test_it_stops_when_the_last_client_has_left():
    drain = draining(1, 2)

    assert drain.handle(Gone(1, Departure.LEFT), now=20) == []
    assert drain.handle(Gone(2, Departure.LEFT), now=21) == [Progress(Phase.STOPPED, 0, 0)]
    assert drain.report(21) == DrainReport(2, 0, left=2, closed=0, aborted=0, forced=False, phases_s={"draining": 11})


def test_nobody_is_closed_before_the_deadline():
    drain = draining(1)

    assert drain.handle(Ticked(), now=109.999) == []
    assert drain.handle(Ticked(), now=110) == [Progress(Phase.EVICTING, 1, 5.25), Evict((1,), until=115)]


def test_evictions_keep_the_pace():
    drain = draining(*range(1, 10))

    first = evicted(drain.handle(Ticked(), now=110))
    at_once = evicted(drain.handle(Ticked(), now=110))
    a_quarter_later = evicted(drain.handle(Ticked(), now=110.25))

    assert (first, at_once, a_quarter_later) == ((1,), (), (2,))


def test_a_frozen_server_evicts_at_once_but_not_in_one_burst():
    drain = draining(*range(1, 101), terms=DrainTerms(drain_timeout_s=100, evict_per_s=40, close_timeout_s=5))

    assert len(evicted(drain.handle(Ticked(), now=500))) == 1
    assert len(evicted(drain.handle(Ticked(), now=520))) == 10


def test_it_stops_when_the_last_closing_handshake_is_completed():
    drain = draining(1)
    drain.handle(Ticked(), now=110)

    assert drain.handle(Gone(1, Departure.CLOSED), now=110.1) == [Progress(Phase.STOPPED, 0, 0)]
    assert drain.report(111) == DrainReport(
        1, 0, left=0, closed=1, aborted=0, forced=False, phases_s={"draining": 100, "evicting": 0.1}
    )


def test_what_does_not_finish_its_closing_handshake_is_cut_off():
    drain = draining(1, 2)
    drain.handle(Ticked(), now=110)
    drain.handle(Ticked(), now=110.25)
    drain.handle(Gone(1, Departure.CLOSED), now=111)

    assert drain.handle(Ticked(), now=115.2) == []
    assert drain.handle(Ticked(), now=115.25) == [Progress(Phase.ABORTING, 1, 0), Abort((2,))][::-1]
    assert drain.handle(Ticked(), now=116) == []
    assert drain.handle(Gone(2, Departure.ABORTED), now=116) == [Progress(Phase.STOPPED, 0, 0)]


def test_an_operator_forces_the_eviction_of_everyone_at_once():
    drain = draining(1, 2, 3)

    effects = drain.handle(ForceRequested(), now=11.5)

    assert evicted(effects) == (1, 2, 3)
    assert (drain.phase, drain.report(12).forced) == (Phase.EVICTING, True)


def test_an_operator_ends_the_pace_of_an_eviction():
    drain = draining(1, 2, 3)
    drain.handle(Ticked(), now=110)

    assert evicted(drain.handle(ForceRequested(), now=110.1)) == (2, 3)


def test_forcing_ends_the_grace_of_an_empty_server():
    drain = draining(terms=DrainTerms(drain_timeout_s=100, grace_s=50))

    drain.handle(ForceRequested(), now=11.5)

    assert drain.phase is Phase.STOPPED


@pytest.mark.parametrize("now", [10.0, 11.0])
def test_forcing_within_a_second_of_the_stop_counts_as_the_same_signal(now: float):
    drain = draining(1)

    assert drain.handle(ForceRequested(), now) == []
    assert drain.phase is Phase.DRAINING


def test_forcing_a_server_that_serves_changes_nothing():
    drain = serving(1)

    assert drain.handle(ForceRequested(), now=10) == []
    assert drain.phase is Phase.SERVING


def test_a_client_that_slips_in_during_the_drain_is_told_as_well():
    drain = draining(1)

    effects = drain.handle(Joined(2), now=10.05)

    assert len(effects) == 1
    assert isinstance(effects[0], Notify)
    ((connection, moment),) = effects[0].moments
    assert connection == 2
    assert 0 <= moment <= 20
    assert drain.report(11).raced_in == 1


def test_progress_is_reported_at_intervals():
    drain = draining(1, terms=DrainTerms(drain_timeout_s=100, progress_interval_s=10))

    assert drain.handle(Ticked(), now=19.9) == []
    assert drain.handle(Ticked(), now=20) == [Progress(Phase.DRAINING, 1, 90)]


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (Joined(1), "connection 1 joined twice, phase draining"),
        (Gone(7, Departure.LEFT), "connection 7 is gone but never joined, phase draining"),
    ],
)
def test_an_illegal_event_raises_and_changes_nothing(event: Joined | Gone, message: str):
    drain = draining(1)
    before = repr(drain)

    with pytest.raises(IllegalEvent, match=message):
        drain.handle(event, now=11)

    assert repr(drain) == before


def test_nobody_can_join_once_evictions_have_begun():
    drain = draining(1)
    drain.handle(Ticked(), now=110)

    with pytest.raises(IllegalEvent, match="connection 2 joined in phase evicting: nobody would tell it"):
        drain.handle(Joined(2), now=110.1)
    with pytest.raises(IllegalEvent, match="connection 1 joined twice"):
        drain.handle(Joined(1), now=110.1)


def test_who_left_before_the_stop_is_not_in_the_account():
    drain = serving(1, 2)
    drain.handle(Gone(1, Departure.LEFT), now=5)
    drain.handle(StopRequested(), now=10)

    assert drain.report(10) == DrainReport(1, 0, left=0, closed=0, aborted=0, forced=False, phases_s={"draining": 0})
