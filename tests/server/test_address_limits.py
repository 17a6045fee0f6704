"""A handshake of an address that has had its share: 429, also behind a proxy, and never for this machine."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient
from starlette.testclient import WebSocketDenialResponse

from server.app import create_app
from server.settings import Settings, load

FEW = {"connections_per_address": 2, "handshakes_per_s": 0}
SELDOM = {"handshakes_per_s": 0.001, "handshakes_burst": 2}  # so that nothing comes back while a test runs


@contextlib.contextmanager
def seen_from(address: str, **settings: Any) -> Iterator[TestClient]:
    """A client whose connections come from `address`."""
    with TestClient(create_app(Settings(notify_interval_s=0, **settings)), client=(address, 4711)) as client:
        yield client


def answer(client: TestClient, forwarded: str | None = None, path: str = "/ws") -> tuple[int, str, str | None]:
    """What a handshake is answered: its status, its text and Retry-After."""
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    try:
        with client.websocket_connect(path, headers=headers):
            return 101, "", None
    except WebSocketDenialResponse as denied:
        return denied.status_code, denied.text, denied.headers.get("retry-after")


def test_handshakes_beyond_the_burst_are_answered_429_with_the_moment_to_come_again(
    capsys: pytest.CaptureFixture[str],
):
    with seen_from("203.0.113.7", **SELDOM) as client:
        answers = [answer(client) for _ in range(4)]
        metrics = client.get("/metrics").text

    assert [status for status, _, _ in answers] == [101, 101, 429, 429]
    assert answers[2][1] == "too many handshakes from 203.0.113.7: limit 0.001 a second, burst 2\n"
    assert 990 <= int(answers[2][2] or 0) <= 1000
    assert 'ebb_refused_total{reason="limited"} 2.0' in metrics
    assert 'ebb_limited_total{reason="handshakes"} 2.0' in metrics
    assert capsys.readouterr().err.count("limited: '203.0.113.7': too many handshakes") == 1


def test_one_connection_too_many_of_an_address_is_answered_429_until_one_has_left():
    with seen_from("203.0.113.7", **FEW) as client:
        with client.websocket_connect("/ws"):
            with client.websocket_connect("/ws/ann"):
                assert answer(client) == (429, "2 connections from 203.0.113.7, limit 2\n", "1")
            assert answer(client)[0] == 101
        assert 'ebb_limited_total{reason="address"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.8.8", "::1", "testclient"])
def test_nobody_on_this_machine_is_counted(address: str):
    with seen_from(address, **SELDOM, connections_per_address=1) as client, client.websocket_connect("/ws"):
        assert [answer(client)[0] for _ in range(5)] == [101] * 5


def test_what_a_stranger_says_of_its_address_does_not_count():
    with seen_from("203.0.113.7", **SELDOM) as client:
        assert [answer(client, f"198.51.100.{n}")[0] for n in range(3)] == [101, 101, 429]


def test_behind_a_trusted_proxy_each_client_is_counted_and_the_proxy_is_not():
    with seen_from("10.1.2.3", trusted_proxies="10.0.0.0/8,fd00::/8", **SELDOM) as client:
        assert [answer(client)[0] for _ in range(5)] == [101] * 5
        assert [answer(client, f"9.9.9.{n}, 198.51.100.1")[0] for n in range(3)] == [101, 101, 429]
        assert answer(client, "198.51.100.2")[0] == 101


def test_a_proxy_that_is_not_trusted_is_counted_itself():
    with seen_from("10.1.2.3", trusted_proxies="172.16.0.0/12", **SELDOM) as client:
        assert [answer(client, f"198.51.100.{n}")[0] for n in range(3)] == [101, 101, 429]


@pytest.mark.attack
def test_who_has_no_valid_token_is_counted_too_so_that_tokens_cannot_be_guessed():
    with seen_from("203.0.113.7", auth="token", token="let-me-in_please", **SELDOM) as client:
        assert [answer(client)[0] for _ in range(3)] == [401, 401, 429]


def test_with_both_limits_off_an_address_may_have_anything():
    with seen_from("203.0.113.7", connections_per_address=0, handshakes_per_s=0, handshakes_burst=1) as client:
        assert [answer(client)[0] for _ in range(300)] == [101] * 300


@pytest.mark.parametrize("proxies", ["10.0.0.0/40", "example.org", "10.0.0.0/8,", ""])
def test_a_proxy_that_is_no_address_is_a_wrong_setting(proxies: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SERVER_TRUSTED_PROXIES", proxies)
    with pytest.raises(SystemExit, match=r"^SERVER_TRUSTED_PROXIES='.*' is not allowed: none, or addresses"):
        load()
