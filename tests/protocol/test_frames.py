"""The frames of a client: however TCP cuts them, they say what `websockets` hears, or are refused with its code."""

from __future__ import annotations

import codecs
import logging
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from websockets.exceptions import ProtocolError
from websockets.frames import Close as TheirClose
from websockets.frames import Frame, Opcode, apply_mask
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from server.protocol.frames import (
    MAX_FRAGMENTS,
    NO_CODE,
    Close,
    Event,
    Failure,
    Parser,
    Ping,
    Pong,
    close_frame,
    xor,
)

LIMIT = 1000
MASK = b"\x01\x02\x03\x04"
QUIET = logging.getLogger("tests.protocol.quiet")
QUIET.setLevel(logging.CRITICAL + 1)


def frame(first: int, payload: bytes = b"", *, mask: bytes | None = MASK, size: int | None = None) -> bytes:
    """A frame as it stands on the wire; `size` is what its header says where that is not true."""
    size = len(payload) if size is None else size
    masked = 0 if mask is None else 0x80
    if size < 126:
        header = bytes((first, masked | size))
    elif size < 1 << 16:
        header = bytes((first, masked | 126)) + size.to_bytes(2, "big")
    else:
        header = bytes((first, masked | 127)) + size.to_bytes(8, "big")
    return header + (payload if mask is None else mask + xor(payload, mask))


def parsed(*segments: bytes, limit: int = LIMIT) -> list[Event]:
    """Every event of the segments, in order."""
    parser, events = Parser(limit), []
    for segment in segments:
        parser.feed(segment)
        while (event := parser.next()) is not None:
            events.append(event)
    return events


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The segments of `data`, cut at these places (each modulo its length)."""
    at = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[one:other] for one, other in pairwise(at)]


# ---- The oracle ----


def heard_by_websockets(data: bytes) -> list[Event]:
    """What the library makes of it, put together as we do: messages instead of frames, and checked as UTF-8."""
    protocol = ServerProtocol(state=OPEN, max_size=LIMIT, logger=QUIET)
    protocol.receive_data(data)
    events: list[Event] = []
    text, kept = None, b""
    for each in protocol.events_received():
        assert isinstance(each, Frame)
        payload = bytes(each.data)
        if each.opcode is Opcode.PING:
            events.append(Ping(payload))
        elif each.opcode is Opcode.PONG:
            events.append(Pong(payload))
        elif each.opcode is Opcode.CLOSE:
            close = TheirClose.parse(payload)
            events.append(Close(int(close.code), close.reason))
        else:
            if each.opcode is not Opcode.CONT:
                text, kept = codecs.getincrementaldecoder("utf-8")() if each.opcode is Opcode.TEXT else None, b""
            kept += payload
            try:
                if text is not None:
                    text.decode(payload, each.fin)
            except UnicodeDecodeError:
                return [*events, Failure(1007, "")]
            if each.fin:
                events.append(kept if text is None else kept.decode())
    error = protocol.parser_exc
    if isinstance(error, ProtocolError) and str(error) == "incomplete fragmented message":
        assert protocol.close_rcvd is not None  # it is legal to close in the midst of a message (5.4)
        events.append(Close(int(protocol.close_rcvd.code), protocol.close_rcvd.reason))
    elif error is not None:
        assert protocol.close_sent is not None
        events.append(Failure(int(protocol.close_sent.code), ""))
    return events


def without_reasons(events: list[Event]) -> list[Event]:
    return [Failure(event.code, "") if isinstance(event, Failure) else event for event in events]


# ---- Any frames, cut in any way ----

TEXTS = st.text(max_size=30).map(str.encode)
PAYLOADS = st.one_of(TEXTS, st.binary(max_size=30), st.integers(100, 140).map(lambda size: b"a" * size))
CODES = st.sampled_from([999, 1000, 1004, 1005, 1006, 1012, 1014, 1015, 2999, 3000, 4999, 5000])
CLOSES = st.one_of(
    st.just(b""), st.just(b"\x03"), st.builds(lambda code, text: code.to_bytes(2, "big") + text, CODES, PAYLOADS)
)
OPCODES = st.sampled_from([0x0, 0x0, 0x1, 0x1, 0x2, 0x8, 0x9, 0xA, 0x3, 0xF])
FIRSTS = st.builds(lambda fin, opcode: fin | opcode, st.sampled_from([0x80, 0x80, 0]), OPCODES)
ODD = st.builds(lambda first, odd: first | odd, FIRSTS, st.sampled_from([0x10, 0x20, 0x40]))
LEGAL = st.one_of(
    st.builds(lambda text: frame(0x81, text), TEXTS),
    st.builds(lambda data: frame(0x82, data), PAYLOADS),
    st.builds(lambda data: frame(0x89, data[:125]), PAYLOADS),
    st.builds(
        lambda parts, opcode: b"".join(
            frame((0x80 if n == len(parts) - 1 else 0) | (0 if n else opcode), part) for n, part in enumerate(parts)
        ),
        st.lists(TEXTS, min_size=2, max_size=5),
        st.sampled_from([0x1, 0x2]),
    ),
)
ANY = st.one_of(
    LEGAL,
    LEGAL,
    st.builds(frame, FIRSTS, PAYLOADS),
    st.builds(frame, ODD, PAYLOADS),
    st.builds(lambda first: frame(first, b"b" * (LIMIT + 1)), st.sampled_from([0x81, 0x80, 0x02])),
    st.builds(lambda payload: frame(0x81, payload, mask=None), TEXTS),
    st.builds(lambda payload: frame(0x88, payload), CLOSES),
)


@given(st.lists(ANY, max_size=6), st.lists(st.integers(0, 5000), max_size=12), st.booleans())
@example([frame(0x01, "é".encode()[:1]), frame(0x80, "é".encode()[1:])], [], True)
@example([frame(0x01, b"a"), frame(0x89, b"p"), frame(0x80, b"b")], [3, 9], False)
@example([frame(0x01, b"a"), frame(0x88, b"\x03\xe8")], [], False)
@example([frame(0x88, b"\x00\x00\x80")], [], False)
def test_any_frames_cut_into_any_segments_say_what_websockets_hears(
    frames: list[bytes], places: list[int], bytewise: bool
):
    data = b"".join(frames)
    segments = [data[n : n + 1] for n in range(len(data))] if bytewise else cut(data, places)

    assert without_reasons(parsed(*segments)) == heard_by_websockets(data)


@given(st.binary(max_size=40), st.binary(min_size=4, max_size=4))
def test_a_mask_is_removed_as_the_compiled_function_does(data: bytes, mask: bytes):
    assert xor(data, mask) == apply_mask(data, mask)


# ---- What is refused, and in which words ----


@pytest.mark.parametrize(
    ("data", "code", "reason"),
    [
        (frame(0x83), 1002, "opcode 3 is none"),
        (frame(0x81, b"a", mask=None), 1002, "a client's frame without a mask"),
        (frame(0xC1, b"a"), 1002, "a reserved bit is set, and no extension was negotiated"),
        (frame(0x09, b"a"), 1002, "a fragmented control frame"),
        (frame(0x89, b"a" * 126), 1002, "control frame of 126 bytes, limit 125"),
        (frame(0x80, b"a"), 1002, "a continuation of no message"),
        (frame(0x01, b"a") + frame(0x81, b"b"), 1002, "a new message before the end of the last one"),
        (frame(0x88, b"\x03"), 1002, "a close frame of 1 byte"),
        (frame(0x88, b"\x03\xee"), 1002, "close code 1006 is not for the wire"),
        (frame(0x88, b"\x03\xe8\xff"), 1007, "invalid UTF-8: invalid start byte"),
        (frame(0x81, b"ab\xff"), 1007, "invalid UTF-8: invalid start byte"),
        (frame(0x01, b"ab\xff"), 1007, "invalid UTF-8: invalid start byte"),
        (frame(0x81, b"a" * 1001), 1009, "message of 1001 bytes, limit 1000"),
        (frame(0x01, b"a" * 600) + frame(0x80, b"a" * 600), 1009, "message of at least 1200 bytes, limit 1000"),
    ],
)
def test_what_is_not_allowed_is_refused_with_its_code_and_a_reason(data: bytes, code: int, reason: str):
    assert parsed(data)[-1] == Failure(code, reason)


@pytest.mark.attack
def test_a_message_that_is_too_big_is_refused_by_its_header_before_anything_is_kept():
    assert parsed(frame(0x82, size=1 << 40)) == [Failure(1009, f"message of {1 << 40} bytes, limit 1000")]


def test_text_that_is_no_utf8_is_refused_at_its_first_wrong_byte():
    header = frame(0x81, size=500)

    assert parsed(header, xor(b"abcd", MASK)) == []
    assert parsed(header, xor(b"abc\xff", MASK)) == [Failure(1007, "invalid UTF-8: invalid start byte")]


@pytest.mark.attack
def test_a_message_has_a_bounded_number_of_fragments():
    middle = frame(0x00) * (MAX_FRAGMENTS - 2)

    assert parsed(frame(0x02, b"a") + middle + frame(0x80, b"z")) == [b"az"]
    refused = Failure(1008, "message of at least 129 fragments, limit 128")
    assert parsed(frame(0x02, b"a") + middle + frame(0x00) + frame(0x80, b"z")) == [refused]


def test_nothing_is_heard_after_the_end():
    parser = Parser(LIMIT)
    parser.feed(frame(0x88) + frame(0x81, b"a"))

    assert parser.next() == Close(NO_CODE, "")
    parser.feed(frame(0x81, b"b"))
    assert parser.next() is None
    assert not parser.midway


def test_what_is_not_complete_is_known():
    whole = frame(0x01, b"a") + frame(0x80, b"b")
    for size in range(len(whole) + 1):
        parser = Parser(LIMIT)
        parser.feed(whole[:size])
        while parser.next() is not None:
            pass
        assert parser.midway == (0 < size < len(whole))


# ---- Our own close frames ----


def test_a_close_frame_says_code_and_reason_or_nothing():
    assert close_frame(1012, "service restart") == b"\x88\x11\x03\xf4service restart"
    assert close_frame(NO_CODE) == b"\x88\x00"


def test_a_reason_that_is_too_long_is_cut_where_a_character_begins():
    said = close_frame(1008, "a" * 122 + "é")

    assert said[2:] == b"\x03\xf0" + b"a" * 122
