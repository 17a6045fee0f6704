"""How an event stream is read, and which of its events is the drain notice."""

from __future__ import annotations

import pytest

from harness.clients.declared_dialect import notice_by
from harness.clients.dialects import Notice, read_notice
from harness.clients.event_stream import EventReader, StreamEvent, StreamNotice, notice_in
from harness.targets.talk import Talk

TICK = StreamEvent((), ("1",))
NOTICE = '{"type": "draining", "deadline_s": 4.5, "reconnect_after_s": 1}'
BARE = '{"deadline_s": 4.5, "reconnect_after_s": 1}'
TOLD = Notice(4.5, 1)


def read(*chunks: bytes) -> tuple[list[StreamEvent], bool]:
    """The events in some chunks, and whether what came last was the end of one."""
    reader = EventReader()
    return [event for chunk in chunks for event in reader.feed(chunk)], reader.between


@pytest.mark.parametrize(
    ("chunks", "events", "between"),
    [
        pytest.param([], [], True, id="nothing yet"),
        pytest.param([b"data: 1\n\n"], [TICK], True, id="one event"),
        pytest.param([b"data:1\n\ndata: 1\n\n"], [TICK, TICK], True, id="two in one chunk, one without a space"),
        pytest.param([b"da", b"ta: 1\n", b"\n"], [TICK], True, id="one in three chunks"),
        pytest.param([b"data: 1\r\n\r\n"], [TICK], True, id="CR LF"),
        pytest.param([b"data: 1\r", b"\n\r", b"\ndata: 1\r\n\r\n"], [TICK, TICK], True, id="CR and LF apart"),
        pytest.param([b"data: 1\r\r"], [TICK], True, id="CR alone"),
        pytest.param([b"\xef\xbb\xbfdata: 1\n\n"], [TICK], True, id="a byte order mark"),
        pytest.param(
            [b"event: tick\nid: 7\nretry: 10\ndata: a\ndata: b\n\n"],
            [StreamEvent(("tick",), ("a", "b"))],
            True,
            id="all",
        ),
        pytest.param([b"data\n\n"], [StreamEvent((), ("",))], True, id="a field without a value"),
        pytest.param([b"data: \xc3", b"\xa9\n\n"], [StreamEvent((), ("é",))], True, id="half a character"),
        pytest.param([b": still here\n\n"], [], True, id="a comment"),
        pytest.param([b": still here\n"], [], True, id="a comment without a blank line"),
        pytest.param([b"data: 1\n\ndata: 1"], [TICK], False, id="half a line"),
        pytest.param([b"data: 1\n"], [], False, id="a line and no blank one"),
    ],
)
def test_events_end_with_a_blank_line(chunks: list[bytes], events: list[StreamEvent], between: bool) -> None:
    assert read(*chunks) == (events, between)


@pytest.mark.parametrize(
    ("event", "notice"),
    [
        pytest.param(TICK, None, id="no notice"),
        pytest.param(StreamEvent((), (NOTICE,)), StreamNotice(TOLD, False), id="the text"),
        pytest.param(StreamEvent(("draining",), (NOTICE,)), StreamNotice(TOLD, False), id="the text, named"),
        pytest.param(StreamEvent(("draining",), (BARE,)), StreamNotice(TOLD, False), id="named"),
        pytest.param(StreamEvent(("draining",), ("soon",)), StreamNotice(Notice(None, None), False), id="in words"),
        pytest.param(StreamEvent(("tick", "draining"), (NOTICE,)), StreamNotice(TOLD, True), id="in another event"),
        pytest.param(StreamEvent(("tick", "draining"), (BARE,)), StreamNotice(TOLD, True), id="in it, without a type"),
        pytest.param(StreamEvent((), ("12", NOTICE)), StreamNotice(TOLD, True), id="among its data"),
        pytest.param(StreamEvent((), ("1event: draining", NOTICE)), StreamNotice(TOLD, True), id="in a line of it"),
        pytest.param(StreamEvent((), ("1event: draining", BARE)), StreamNotice(Notice(None, None), True), id="in it"),
    ],
)
def test_a_notice_is_an_event_of_its_own(event: StreamEvent, notice: StreamNotice | None) -> None:
    assert notice_in(event, read_notice) == notice


def test_a_notice_may_be_declared_by_a_pattern() -> None:
    talk = Talk(notice=r"closing in (?P<left_s>\d+)")
    found = notice_in(StreamEvent((), ("closing in 30",)), lambda text: notice_by(talk, text))
    assert found == StreamNotice(Notice(30, None), False)
    assert notice_by(None, NOTICE) == TOLD
