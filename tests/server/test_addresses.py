"""How much one address may take, and which address that is where proxies stand before it."""

from __future__ import annotations

import pytest

from server.limits.addresses import Addresses, Buckets, client_address, networks_of
from server.limits.rate import Rate

PROXIES = networks_of("10.0.0.0/8, 127.0.0.1,fd00::/8")
NONE = Rate(0, 0)


@pytest.mark.parametrize(
    ("peer", "forwarded", "proxies", "counted"),
    [
        ("203.0.113.7", [], (), "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], (), "203.0.113.7"),  # anybody may say so
        ("203.0.113.7", ["198.51.100.1"], PROXIES, "203.0.113.7"),
        ("10.1.2.3", ["198.51.100.1"], PROXIES, "198.51.100.1"),
        ("10.1.2.3", ["9.9.9.9, 198.51.100.1, 10.4.4.4"], PROXIES, "198.51.100.1"),
        ("10.1.2.3", ["9.9.9.9", " 198.51.100.1 "], PROXIES, "198.51.100.1"),
        ("127.0.0.1", ["198.51.100.1:4711"], PROXIES, "198.51.100.1"),
        ("fd00::1", ["[2001:db8:1:2:3::4]:80"], PROXIES, "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", [], (), "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", [], (), "203.0.113.7"),
        ("::ffff:10.1.1.1", ["198.51.100.1"], PROXIES, "198.51.100.1"),
        # nobody
        ("127.0.0.1", [], (), None),
        ("127.9.9.9", ["198.51.100.1"], (), None),
        ("::1", [], (), None),
        ("10.1.2.3", ["127.0.0.5"], PROXIES, None),
        ("10.1.2.3", [], PROXIES, None),
        ("10.1.2.3", ["10.9.9.9"], PROXIES, None),
        ("10.1.2.3", ["198.51.100.1, unknown"], PROXIES, None),
        (None, ["198.51.100.1"], PROXIES, None),
        ("/run/ebb.sock", [], (), None),
    ],
)
def test_an_address_is_what_was_seen_by_who_can_be_believed(peer, forwarded, proxies, counted):
    assert client_address(peer, tuple(forwarded), tuple(proxies)) == counted


@pytest.mark.parametrize("text", ["10.0.0.0/40", "example.org", "", "10.0.0.1/8"])
def test_what_is_no_network_is_not_read(text: str):
    with pytest.raises(ValueError, match=r"\S"):
        networks_of(text)


def test_handshakes_come_at_the_rate_and_in_a_burst_and_of_others_independently():
    addresses = Addresses(0, Rate(20, 40))

    assert [addresses.ask("a", 5.0) for _ in range(40)] == [None] * 40
    refused = addresses.ask("a", 5.0)
    assert refused is not None
    assert refused[:2] == ("handshakes", "too many handshakes from a: limit 20 a second, burst 40")
    assert refused.retry_after_s == pytest.approx(0.05, abs=0.001)
    assert addresses.ask("b", 5.0) is None
    assert addresses.ask("a", 5.051) is None
    assert addresses.ask("a", 5.051) is not None


def test_who_waits_as_long_as_it_is_told_may_take_one_more():
    buckets = Buckets(Rate(20, 2))
    for _ in range(2):
        assert buckets.wait_s("a", 5.0) <= 0
        buckets.take("a", 5.0)
    wait_s = buckets.wait_s("a", 5.0)
    assert wait_s == pytest.approx(0.05, abs=0.001)
    assert buckets.wait_s("b", 5.0) <= 0
    assert buckets.wait_s("a", 5.0 + wait_s) <= 0

    buckets.empty("a", 6.0)
    assert buckets.wait_s("a", 6.0) == pytest.approx(0.05, abs=0.001)
    assert list(buckets.addresses) == ["a"]
    assert buckets.wait_s("b", 6.2) <= 0
    assert list(buckets.addresses) == []


def test_connections_are_counted_in_and_out():
    addresses = Addresses(2, NONE)
    for _ in range(2):
        assert addresses.ask("a", 0) is None
        addresses.enter("a")
    assert addresses.ask("a", 0) == ("address", "2 connections from a, limit 2", 1.0)
    assert addresses.ask("b", 0) is None

    addresses.leave("a")
    assert addresses.ask("a", 0) is None


def test_without_limits_nobody_is_refused():
    addresses = Addresses(0, NONE)
    for _ in range(500):
        assert addresses.ask("a", 0) is None
        addresses.enter("a")


@pytest.mark.attack
def test_nothing_is_kept_of_a_million_addresses_that_were_here():
    addresses = Addresses(2, Rate(20, 40))
    for n in range(10_000):
        addresses.ask(f"{n}", n / 1000)
        addresses.full(f"{n}")
        addresses.enter(f"{n}")
        addresses.leave(f"{n}")

    assert len(addresses) <= 51
