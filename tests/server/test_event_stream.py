"""Where an event of an event stream ends."""

from __future__ import annotations

import pytest

from server.middleware.event_stream import Place, accepts_events, event, is_event_stream


@pytest.mark.parametrize(
    ("parts", "places", "between"),
    [
        ([b"data: 1\n\n"], [9], True),
        ([b"data: 1\r\n\r\n"], [11], True),
        ([b"data: 1\r\r"], [9], True),
        ([b"data: 1\n"], [0], False),
        ([b"data: 1\n", b"\n"], [0, 1], True),
        ([b"data: 1\r\n\r", b"\n"], [0, 1], True),
        ([b"data: 1\n\ndata: 2"], [9], False),
        ([b"data: 1", b"\ndata: 2\n", b"data: 3"], [0, None, None], False),
        ([b"data: 1\n\n", b"data: 2", b"\n\n"], [9, 0, 2], True),
        ([b"data: 1\n\n", b""], [9, 0], True),
        ([b"data: 1", b""], [0, None], False),
        ([b"a\n\n", b"b"], [3, 0], False),
    ],
)
def test_an_event_ends_with_an_empty_line_wherever_the_stream_is_cut(
    parts: list[bytes], places: list[int | None], between: bool
):
    place = Place()

    assert [place.pass_by(part) for part in parts] == places
    assert place.between is between


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ([(b"Content-Type", b"text/event-stream; charset=utf-8")], True),
        ([(b"content-type", b"text/html")], False),
        ([], False),
        ([(b"content-type", b"text/event-stream"), (b"content-encoding", b"gzip")], False),
        ([(b"content-type", b"text/event-stream"), (b"content-length", b"7")], False),
    ],
)
def test_an_event_can_be_added_to_an_event_stream_that_is_neither_compressed_nor_sized(
    headers: list[tuple[bytes, bytes]], expected: bool
):
    assert is_event_stream(headers) is expected


def test_a_request_asks_for_events():
    assert accepts_events([(b"accept", b"text/html, Text/Event-Stream")])
    assert not accepts_events([(b"accept", b"*/*"), (b"x", b"text/event-stream")])


def test_what_a_client_is_told_is_one_event():
    assert event("one\ntwo") == b"event: draining\ndata: one\ndata: two\n\n"
    assert event(b": as it is\n\n") == b": as it is\n\n"
