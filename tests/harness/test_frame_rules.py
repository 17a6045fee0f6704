"""Each rule of RFC 6455 about what a server sends is broken by the frames that break it, and by no others."""

from __future__ import annotations

import pytest

from harness.clients.frame_rules import FrameRules

FIN = 0x80
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA

Frame = tuple[int, bytes]


def broken_by(*frames: Frame) -> list[str]:
    rules = FrameRules()
    return [what for head, payload in frames for what in rules.broken_by(head, payload)]


def close(code: int, reason: bytes = b"") -> Frame:
    return FIN | CLOSE, code.to_bytes(2, "big") + reason


@pytest.mark.parametrize(
    "frames",
    [
        [(FIN | TEXT, "Grüße".encode())],
        [(TEXT, b"a"), (FIN | PING, b"in between"), (CONTINUATION, b"b"), (FIN | CONTINUATION, b"c"), close(1012)],
        [(TEXT, "ü".encode()[:1]), (FIN | CONTINUATION, "ü".encode()[1:])],
        [(BINARY, b"\xff"), (FIN | CONTINUATION, b"\xfe")],
        [(FIN | PONG, b"x" * 125)],
        [(FIN | CLOSE, b"")],
        *([close(code, "adiós".encode())] for code in (1000, 1001, 1003, 1007, 1011, 1012, 1014, 3000, 4999)),
    ],
)
def test_what_a_server_may_send_breaks_nothing(frames: list[Frame]) -> None:
    assert broken_by(*frames) == []


@pytest.mark.parametrize(
    ("frames", "what"),
    [
        ([(FIN | 0x3, b"")], "sent a frame with the reserved opcode 0x3"),
        ([(FIN | 0x40 | TEXT, b"")], "sent a text with reserved bits set"),
        ([(PING, b"")], "sent a ping in fragments"),
        ([(FIN | PONG, b"x" * 126)], "sent a pong of 126 bytes (limit 125 bytes)"),
        ([(FIN | CONTINUATION, b"")], "sent a continuation of no message"),
        ([(TEXT, b""), (FIN | TEXT, b"")], "began a text inside of another message"),
        ([(TEXT, b""), (FIN | BINARY, b"")], "began a binary message inside of another message"),
        ([(TEXT, b"a"), close(1012)], "left a message in fragments open at its close frame"),
        ([(FIN | TEXT, b"\xff")], "sent a text that is not UTF-8"),
        ([(TEXT, b"a"), (CONTINUATION, b"\xff"), (FIN | CONTINUATION, b"\xff")], "sent a text that is not UTF-8"),
        ([(TEXT, "ü".encode()[:1]), (FIN | CONTINUATION, b"")], "sent a text that is not UTF-8"),
        ([(FIN | CLOSE, b"\x03")], "sent a close frame with half a code"),
        ([close(1012, b"\xff")], "sent a close frame with a reason that is not UTF-8"),
        *(
            ([close(code)], f"sent a close frame with code {code}")
            for code in (0, 999, 1004, 1005, 1006, 1015, 2999, 5000)
        ),
    ],
)
def test_what_it_may_not_send_is_named(frames: list[Frame], what: str) -> None:
    assert broken_by(*frames) == [what]


def test_a_length_must_be_written_as_short_as_can_be() -> None:
    assert list(FrameRules().broken_by(FIN | TEXT, b"a", short=False)) == [
        "sent a text whose length takes more bytes than it needs"
    ]


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"\x81\x01", "sent a text after its close frame"),
        (b"\x88", "sent a close frame after its close frame"),
        (b"\x0f", "sent a frame after its close frame"),
    ],
)
def test_what_comes_after_a_close_frame_is_named_once_by_its_first_byte(data: bytes, what: str) -> None:
    rules = FrameRules()
    assert list(rules.broken_after_close(data)) == [what]
    assert list(rules.broken_after_close(b"more")) == []
