"""What the processes of a service tell each other of the connections of an address."""

from __future__ import annotations

import json

import pytest

from server.limits.elsewhere import FORGET_S, GONE_S, LONGEST, Elsewhere, Here


def told(times: int, **connections: int) -> str:
    return json.dumps({"times": times, "connections": connections})


def test_a_process_tells_in_steps_of_an_eighth_and_nothing_of_who_has_less():
    here = Here(200)
    assert not here.has("a", 24)
    assert not here
    assert here.has("a", 25)
    assert here
    assert not here.has("a", 49)
    assert here.has("b", 60)
    assert here.tell() == told(1, b=50, a=25)

    assert here.has("a", 24)
    assert here.tell() == told(2, b=50)
    assert here.has("b", 0)
    assert not here


def test_where_few_are_allowed_each_is_told():
    here = Here(2)
    assert [here.has("a", n) for n in (1, 2, 2, 1, 0)] == [True, True, False, True, True]


def test_of_more_addresses_than_can_be_heard_those_with_the_most_connections_are_told():
    here, elsewhere = Here(8), Elsewhere()
    sites = [f"2001:db8:{n:x}:1000::/64" for n in range(10_000, 15_000)]
    for site in sites[1:]:
        here.has(site, 1)
    here.has(sites[0], 5)
    elsewhere.hear({"x": here.tell()}, 0.0)

    assert (elsewhere.of(sites[0], 0.0), len(here.tell()) <= LONGEST) == (5, True)


def test_what_the_others_have_is_added_up():
    elsewhere = Elsewhere()
    assert not elsewhere
    elsewhere.hear({"x": told(1, a=25, b=50), "y": told(7, a=100)}, 10.0)
    assert elsewhere
    assert [elsewhere.of(address, 10.0) for address in "abc"] == [125, 50, 0]

    elsewhere.hear({"x": told(2, b=25)}, 11.0)
    assert [elsewhere.of(address, 11.0) for address in "abc"] == [0, 25, 0]


def test_a_process_that_has_died_counts_no_more_and_is_forgotten_in_the_end():
    elsewhere = Elsewhere()
    alive = {"x": told(1, a=25)}
    assert elsewhere.hear({**alive, "dead": told(9, a=100)}, 0.0) == []
    for n in range(1, round(GONE_S) + 2):
        gone = elsewhere.hear({"x": told(n + 1, a=25), "dead": told(9, a=100)}, float(n))
        assert elsewhere.of("a", float(n)) == (125 if n < FORGET_S else 25)
        assert gone == (["dead"] if n >= GONE_S else [])


def test_one_that_was_held_up_counts_again():
    elsewhere = Elsewhere()
    for n, text in enumerate([told(1, a=25)] * 6 + [told(2, a=25)]):
        elsewhere.hear({"x": text}, float(n))
    assert elsewhere.of("a", 6.0) == 25


def test_what_was_heard_too_long_ago_is_not_believed():
    elsewhere = Elsewhere()
    assert elsewhere.of("a", 0.0) == 0
    elsewhere.hear({"x": told(1, a=25)}, 0.0)
    assert elsewhere.of("a", FORGET_S - 0.1) == 25
    assert elsewhere.of("a", FORGET_S) == 0


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "[]", "{}", '{"connections": 5}', '{"connections": {"a": "25"}}', '{"connections": {"a": true}}'),
        *('{"connections": {"a": -25}}', "[" * 50_000, told(1, a=25) + " " * LONGEST),
    ],
)
def test_what_is_nothing_of_ours_is_nothing(text: str):
    elsewhere = Elsewhere()
    elsewhere.hear({"x": text, "y": told(1, a=50)}, 0.0)
    assert elsewhere.of("a", 0.0) == 50
