"""Who shows wrong tokens over HTTP is held to the rate at which it could show them in handshakes."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.server.test_address_limits import SELDOM, answer, seen_from

TOKEN = "let-me-in_please"
TOKENS: dict[str, Any] = {"auth": "token", "token": TOKEN, **SELDOM}


def post(client: TestClient, token: str, times: int = 1, **headers: str) -> list[int]:
    """The statuses of so many publishes."""
    headers["Authorization"] = f"Bearer {token}"
    return [client.post("/broadcast", json={"data": n}, headers=headers).status_code for n in range(times)]


@pytest.mark.attack
def test_tokens_cannot_be_guessed_over_http_and_a_right_one_is_not_looked_at_in_between(
    capsys: pytest.CaptureFixture[str],
):
    with seen_from("203.0.113.7", public="metrics", **TOKENS) as client:
        assert post(client, "guessed-1234567890", 3) == [401, 401, 429]
        refused = client.post("/broadcast", json={"data": 1}, headers={"Authorization": f"Bearer {TOKEN}"})
        metrics = client.get("/metrics")
        assert client.get("/health").status_code == 200

    detail = "too many requests without a valid token from 203.0.113.7: limit 0.001 a second, burst 2"
    assert (refused.status_code, refused.json()) == (429, {"detail": detail})
    assert 990 <= int(refused.headers["retry-after"]) <= 1000
    assert metrics.status_code == 200
    assert 'ebb_limited_total{reason="tokens"} 2.0' in metrics.text
    assert capsys.readouterr().err.count("limited: '203.0.113.7': too many requests without a valid token") == 1


@pytest.mark.parametrize("path", ["/docs", "/metrics", "/nothing"])
@pytest.mark.attack
def test_they_are_counted_wherever_a_token_is_asked_for(path: str):
    with seen_from("203.0.113.7", **TOKENS) as client:
        assert [client.get(path).status_code for _ in range(3)] == [401, 401, 429]
        assert post(client, TOKEN) == [429]


def test_right_ones_take_nothing_and_wrong_ones_take_no_handshakes():
    with seen_from("203.0.113.7", **TOKENS) as client:
        assert post(client, TOKEN, 20) == [202] * 20
        assert post(client, "guessed-1234567890", 2) == [401, 401]
        assert answer(client)[0] == 401
        assert post(client, TOKEN) == [429]


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "testclient"])
def test_nobody_on_this_machine_is_counted(address: str):
    with seen_from(address, **TOKENS) as client:
        assert post(client, "guessed-1234567890", 5) == [401] * 5


def test_behind_a_trusted_proxy_each_address_is_counted_and_the_proxy_is_not():
    with seen_from("10.1.2.3", trusted_proxies="10.0.0.0/8", **TOKENS) as client:
        ann, bob = ({"X-Forwarded-For": f"203.0.113.{n}"} for n in (7, 8))
        assert post(client, "guessed-1234567890", 5) == [401] * 5
        assert post(client, "guessed-1234567890", 3, **ann) == [401, 401, 429]
        assert post(client, TOKEN, 1, **ann) == [429]
        assert post(client, TOKEN, 1, **bob) == [202]


def test_who_waits_as_it_is_told_is_asked_again():
    quick = TOKENS | {"handshakes_per_s": 2}
    with seen_from("203.0.113.7", **quick) as client:
        assert post(client, "guessed-1234567890", 3) == [401, 401, 429]
        while (found := post(client, TOKEN)) == [429]:
            pass
        assert found == [202]


def test_without_a_limit_of_handshakes_there_is_none_of_tokens():
    with seen_from("203.0.113.7", auth="token", token=TOKEN, handshakes_per_s=0) as client:
        assert post(client, "guessed-1234567890", 200) == [401] * 200


def test_where_nobody_is_asked_nobody_is_counted():
    with seen_from("203.0.113.7", **SELDOM) as client:
        assert post(client, "whatever", 5) == [202] * 5
