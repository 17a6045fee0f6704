"""Who takes part: enough of each kind, at moments that are spread and that a seed brings back."""

from __future__ import annotations

from collections import Counter
from itertools import islice, pairwise
from random import Random

import pytest

from harness.clients.client import Client
from harness.clients.dialects import Envelope
from harness.clients.mix import AT_SIGNAL_S, ClientFactory, ClientMix, enough_of_a_kind
from harness.clients.personas import BusySender, LateAnswerer, Leaver, Talker
from harness.history.record import History
from harness.history.terms import terms_of
from harness.probes.polling import gaps
from harness.scenarios.drain import mix as mix_of_a_drain
from harness.targets.declaration import REFERENCE, Ask, Profile

ASK = Ask(clients=150, timeout_s=2.0, close_timeout_s=3.0, seed=7)
FOREIGN = Profile(command="serve {port}")


def crowd(mix: ClientMix, ask: Ask = ASK, profile: Profile = REFERENCE) -> list[Client]:
    return ClientFactory(profile, ask, mix, History(terms_of(profile, ask, mix.evict_per_s))).assemble()


def of(persona: type[Client], clients: list[Client]) -> list[Client]:
    return [client for client in clients if type(client) is persona]


@pytest.mark.parametrize(
    ("clients", "enough"), [(10, 1), (30, 2), (80, 5), (150, 10), (300, 10), (500, 15), (1000, 30)]
)
def test_there_are_ten_or_three_percent_of_each_kind_in_150_and_fewer_in_a_smaller_crowd(
    clients: int, enough: int
) -> None:
    assert enough_of_a_kind(clients) == enough


@pytest.mark.parametrize("clients", [20, 80, 150, 500, 5000])
def test_a_drain_has_as_many_clients_as_were_asked_for(clients: int) -> None:
    assert mix_of_a_drain(clients).size == clients


def test_a_drain_of_150_has_ten_of_each_kind_and_of_leavers_in_each_phase_and_without_a_code() -> None:
    clients = crowd(mix_of_a_drain(150))
    assert all(count >= 10 for count in Counter(client.persona for client in clients).values())
    leavers = [client for client in clients if isinstance(client, Leaver)]
    phases = Counter(
        "at t0" if leaver.leaves_s <= AT_SIGNAL_S else "draining" if leaver.leaves_s < 2.0 else "evicting"
        for leaver in leavers
    )
    assert phases == {"at t0": 10, "draining": 10, "evicting": 15}
    assert sum(leaver.code is None for leaver in leavers) >= 10


def test_of_those_who_only_listen_as_many_say_one_thing_before_the_deadline_as_the_drain_bears() -> None:
    remarking = [client for client in crowd(mix_of_a_drain(150), profile=FOREIGN) if client.remarks_s is not None]
    assert {client.persona for client in remarking} >= {"lingerer", "cooperative", "late_answerer", "slow-reader"}
    assert all(0.4 <= (client.remarks_s or 0.0) <= 1.6 and client.answerable for client in remarking)
    assert len([client for client in crowd(mix_of_a_drain(1000)) if client.remarks_s is not None]) == 15


def test_where_talkers_have_a_path_of_their_own_only_envelopes_are_answered_elsewhere() -> None:
    remarking = [client for client in crowd(mix_of_a_drain(150)) if client.remarks_s is not None]
    assert {client.answerable for client in remarking} == {True, False}
    assert all(client.answerable == isinstance(client.dialect, Envelope) for client in remarking)


def test_the_pace_is_for_those_who_stay_to_be_evicted() -> None:
    mix = ClientMix(lingerers=20, late_leavers=15, cooperative=40, eviction_s=4.0)
    assert (mix.staying, mix.evict_per_s) == (35, 5.0)


def delays(clients: list[Client]) -> list[float]:
    return sorted(client.close_answer_delay_s for client in of(LateAnswerer, clients))


def test_late_answers_are_spread_over_nine_tenths_of_the_close_timeout() -> None:
    found = delays(crowd(ClientMix(late_answerers=10)))
    assert all(0.27 * n <= delay < 0.27 * (n + 1) for n, delay in enumerate(found))


@pytest.mark.parametrize(("promised_s", "longest_s"), [(None, 0.9), (5.0, 4.5)])
def test_late_answers_come_within_what_a_target_promises_or_else_within_a_second(
    promised_s: float | None, longest_s: float
) -> None:
    found = delays(crowd(ClientMix(late_answerers=10), profile=FOREIGN.changed(close_timeout_s=promised_s)))
    assert 0.9 * longest_s <= found[-1] < longest_s


def test_the_same_seed_brings_the_same_moments() -> None:
    mix = mix_of_a_drain(150)
    assert delays(crowd(mix)) == delays(crowd(mix))
    assert delays(crowd(mix)) != delays(crowd(mix, Ask(clients=150, seed=8)))


@pytest.mark.parametrize(("clients", "most_per_s"), [(150, 7000.0), (500, 7000.0), (5000, 7000.0)])
def test_what_is_broadcast_stays_within_its_deliveries_a_second_however_large_the_crowd(
    clients: int, most_per_s: float
) -> None:
    found = crowd(mix_of_a_drain(clients), profile=FOREIGN)
    talkers = [client for client in found if isinstance(client, Talker)]
    busy = [client for client in found if isinstance(client, BusySender)]
    said_per_s = sum(1 / each.interval_s for each in talkers) + sum(each.burst / each.interval_s for each in busy)
    assert said_per_s * clients <= most_per_s * 1.001
    assert all(each.burst >= 2 for each in busy)


@pytest.mark.parametrize("profile", [REFERENCE, FOREIGN])
@pytest.mark.parametrize("say_per_s", [0.5, 3.0])
def test_nobody_says_more_than_was_asked_for(profile: Profile, say_per_s: float) -> None:
    ask = Ask(clients=30, timeout_s=2.0, say_per_s=say_per_s)
    found = crowd(ClientMix(busy_senders=2, talkers=2, lingerers=4), ask, profile)
    assert [1 / each.interval_s for each in found if isinstance(each, Talker)] == pytest.approx([say_per_s] * 2)
    assert all(each.burst / each.interval_s <= say_per_s * 1.001 for each in found if isinstance(each, BusySender))


def test_probes_have_a_mean_period_and_no_beat_and_a_seed_brings_the_same_gaps() -> None:
    drawn = list(islice(gaps(0.1, Random(3)), 200))
    assert all(0.05 <= gap <= 0.15 for gap in drawn)
    assert sum(drawn) / len(drawn) == pytest.approx(0.1, rel=0.1)
    assert all(one != other for one, other in pairwise(drawn))
    assert drawn == list(islice(gaps(0.1, Random(3)), 200))
