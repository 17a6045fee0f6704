"""Of handshakes that are alike only path and key are read, and what is read is what it always was."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.protocol import alike
from server.protocol.alike import LONGEST_BYTES, MOST, Handshakes
from server.protocol.handshake import BadHandshake, Upgrade, read
from tests.protocol.test_handshake import KEY, request

OTHER_KEY = base64.b64encode(bytes(16)).decode()
NOT_A_KEY = "?" * 24
PIECES = (
    *(
        "GET",
        "POST",
        " ",
        "/ws",
        "/ws/ann?room=a",
        "/" + KEY,
        " HTTP/1.1",
        " HTTP/1.0",
        "\r\n",
        ": ",
        ":",
        "  ",
        "\t",
        "=",
    ),
    *(KEY, OTHER_KEY, NOT_A_KEY, KEY + "=", KEY[:-1], "Sec-WebSocket-Key", "sec-websocket-key", "X", "Cookie", "a=b"),
    *("Sec-WebSocket-Protocol", "one", "bearer.secret", "Host", "Upgrade", "websocket"),
)


@pytest.fixture
def handshakes() -> Handshakes:
    return Handshakes()


@pytest.fixture
def read_whole(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The handshakes that were read as a whole, from now on."""
    whole: list[bytes] = []

    def read_and_note(data: bytes, *limits: int) -> object:
        whole.append(data)
        return read(data, *limits)

    monkeypatch.setattr(alike, "read", read_and_note)
    return whole


def test_of_the_next_one_only_the_path_and_the_key_are_read(handshakes: Handshakes, read_whole: list[bytes]):
    for line, key in (("GET /ws HTTP/1.1", KEY), ("GET /ws/ann?room=a HTTP/1.1", OTHER_KEY), ("GET /ws HTTP/1.1", KEY)):
        data = request(line, "Sec-WebSocket-Protocol: one, two", Sec_WebSocket_Key=key)
        upgrade = handshakes.read(data)
        assert upgrade == read(data)
        assert isinstance(upgrade, Upgrade)
        assert upgrade.key == key.encode()

    assert len(read_whole) == 1


def test_what_an_application_does_with_headers_is_not_there_for_the_next_client(handshakes: Handshakes):
    for _ in range(3):
        upgrade = handshakes.read(request("GET /ws HTTP/1.1", "Sec-WebSocket-Protocol: one"))
        assert isinstance(upgrade, Upgrade)
        assert upgrade.subprotocols == ["one"]
        assert (b"x", b"y") not in upgrade.headers
        upgrade.headers.append((b"x", b"y"))
        upgrade.subprotocols.append("two")


@pytest.mark.parametrize(
    "header",
    [
        "Authorization: Bearer secret",
        "cookie: a=secret",
        "X-Api-Key: secret",
        "Sec-WebSocket-Protocol: ebb.v1, bearer.secretsecret",
        "user-agent: " + "secret" * 200,
    ],
)
def test_of_what_proves_who_somebody_is_nothing_is_kept(handshakes: Handshakes, header: str):
    for _ in range(2):
        assert isinstance(handshakes.read(request("GET /secret HTTP/1.1", header)), Upgrade)
    assert "secret" not in str(handshakes._kept)


def test_of_many_kinds_few_are_kept(handshakes: Handshakes):
    for number in range(5 * MOST):
        assert isinstance(handshakes.read(request("GET /ws HTTP/1.1", f"Origin: http://{number}")), Upgrade)
    assert 0 < len(handshakes._kept) <= MOST


def test_limits_hold_for_those_that_are_alike_too():
    small = Handshakes(most_bytes=300, most_headers=6)
    assert isinstance(small.read(request()), Upgrade)
    assert isinstance(small.read(request(f"GET /{'a' * 300} HTTP/1.1")), BadHandshake)
    assert small.read(request("GET /ws HTTP/1.1", "Origin: a", "Accept: b", "Pragma: c")) is None


def test_a_key_that_is_none_is_refused_after_one_that_is(handshakes: Handshakes):
    assert isinstance(handshakes.read(request()), Upgrade)
    assert isinstance(handshakes.read(request(Sec_WebSocket_Key=NOT_A_KEY)), BadHandshake)
    assert isinstance(handshakes.read(request(Sec_WebSocket_Key=f" {KEY}")), Upgrade)
    assert isinstance(handshakes.read(request(Sec_WebSocket_Key=f"{KEY}=")), BadHandshake)


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 9), st.sampled_from(PIECES)), max_size=4), st.randoms())
def test_what_is_read_is_what_it_would_be_without_all_that_came_before(changes: list[tuple[int, int, str]], chance):
    handshakes = _WARM
    parts = ["GET", " /ws", " HTTP/1.1\r\n", "Host: shop\r\n", "Upgrade: websocket\r\n", "Connection: Upgrade\r\n"]
    parts += [
        "Sec-WebSocket-Key",
        ": ",
        chance.choice((KEY, OTHER_KEY)),
        "\r\n",
        "Sec-WebSocket-Version: 13\r\n",
        "\r\n",
    ]
    for place, how, piece in changes:
        parts[min(place, len(parts) - 1)] = piece if how < 6 else parts[min(place, len(parts) - 1)] + piece
    data = "".join(parts).encode("latin-1")

    assert handshakes.read(data) == read(data)
    assert len(data) <= LONGEST_BYTES


_WARM = Handshakes()
