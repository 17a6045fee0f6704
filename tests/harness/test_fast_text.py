"""The frames of a connection are taken apart rightly however the bytes are cut, and what none may send ends it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.uri import parse_uri

from harness.clients.fast_text import FastTextConnection
from tests.harness.servers import empty_history

TEXTS = st.lists(st.text(max_size=20) | st.sampled_from(["x" * 125, "x" * 126, "y" * 65536]), max_size=6)


class Listening(FastTextConnection):
    """A connection whose handshake is over, and which keeps what it is handed."""

    def __init__(self) -> None:
        super().__init__("quick-1", empty_history())
        self._protocol = ClientProtocol(parse_uri("ws://localhost/ws"))
        self._protocol.state = OPEN
        next(self._protocol.parser)
        self._protocol.parser = self._protocol.parse()
        self.opened = True
        self.texts: list[bytes] = []

    def on_payload(self, now: float, text: bytes) -> None:
        self.texts.append(text)

    @property
    def told(self) -> list[tuple[str, object]]:
        return [(event.what, event.detail.get("how", event.detail.get("code"))) for event in self.history.events]


def wire(opcode: Opcode, data: bytes, fin: bool = True) -> bytes:
    return Frame(opcode, data, fin).serialize(mask=False)


@given(texts=TEXTS, cuts=st.lists(st.integers(0, 70_000), max_size=8))
def test_texts_arrive_whole_however_the_bytes_are_cut(texts: list[str], cuts: list[int]) -> None:
    listening = Listening()
    connection = b"".join(wire(Opcode.TEXT, text.encode()) + wire(Opcode.PONG, b"p") for text in texts)
    bounds = [0, *sorted(min(cut, len(connection)) for cut in cuts), len(connection)]
    for start, end in pairwise(bounds):
        listening.data_received(connection[start:end])
    assert listening.texts == [text.encode() for text in texts]


def test_a_text_in_fragments_is_one_text() -> None:
    listening = Listening()
    first, last = wire(Opcode.TEXT, b"one ", fin=False), wire(Opcode.CONT, b"text")
    listening.data_received(first + wire(Opcode.PONG, b"") + last)
    assert listening.texts == [b"one text"]


def test_what_follows_a_close_frame_does_not_count() -> None:
    listening = Listening()
    listening.data_received(wire(Opcode.TEXT, b"one") + wire(Opcode.CLOSE, b"\x03\xe8") + wire(Opcode.TEXT, b"two"))
    listening.data_received(wire(Opcode.TEXT, b"three"))
    assert listening.texts == [b"one"]


def test_nor_does_what_follows_a_masked_frame_which_no_server_may_send() -> None:
    listening = Listening()
    masked = Frame(Opcode.TEXT, b"two").serialize(mask=True)
    listening.data_received(wire(Opcode.TEXT, b"one") + masked)
    assert str(listening._protocol.parser_exc) == "incorrect masking"
    listening.data_received(wire(Opcode.TEXT, b"three"))
    assert listening.texts == [b"one"]


def test_nor_does_what_follows_a_text_inside_of_another_one() -> None:
    listening = Listening()
    listening.data_received(wire(Opcode.TEXT, b"one ", fin=False) + wire(Opcode.TEXT, b"two") + wire(Opcode.TEXT, b"3"))
    assert listening.texts == []
    assert str(listening._protocol.parser_exc) == "expected a continuation frame"


def test_nor_is_the_end_of_a_text_waited_for_that_is_longer_than_any_may_be() -> None:
    listening = Listening()
    listening.data_received(b"\x81\x7f" + (2**40).to_bytes(8, "big"))
    assert "1099511627776 bytes exceeds limit" in str(listening._protocol.parser_exc)


def test_what_follows_a_close_frame_is_a_violation_however_the_bytes_are_cut() -> None:
    closing, more = wire(Opcode.CLOSE, b"\x03\xf4"), wire(Opcode.TEXT, b"two")
    told = [("close_received", 1012), ("close_sent", 1012), ("violated", "sent a text after its close frame")]
    for chunks in ([closing + more], [closing, more], [closing, more[:1], more[1:]], [closing, more, more]):
        listening = Listening()
        for chunk in chunks:
            listening.data_received(chunk)
        assert sorted(listening.told) == sorted(told), chunks


def test_a_close_frame_with_a_code_that_may_not_be_sent_is_one_all_the_same() -> None:
    listening = Listening()
    listening.data_received(wire(Opcode.CLOSE, b"\x03\xed"))
    assert listening.told == [
        ("violated", "sent a close frame with code 1005"),
        ("close_received", 1005),
        ("close_sent", 1002),
    ]
    assert listening.history.events[-1].detail["ours"] is False


def test_a_client_leaves_with_1002_when_it_was_sent_what_it_cannot_read_on_from() -> None:
    listening = Listening()
    listening.data_received(b"\xc1\x01a")
    assert listening.told == [("violated", "sent a text with reserved bits set"), ("close_sent", 1002)]
    assert listening.history.events[-1].detail["ours"] is True
    assert listening.leaving


def test_a_client_that_had_closed_before_does_not_close_again() -> None:
    listening = Listening()
    listening.send_close(1000)
    listening.data_received(Frame(Opcode.TEXT, b"two").serialize(mask=True))
    assert listening.told == [("close_sent", 1000), ("violated", "sent a masked frame")]


def test_a_text_that_is_not_utf_8_is_a_violation_once_and_read_all_the_same() -> None:
    listening = Listening()
    listening.data_received(wire(Opcode.TEXT, b"\xff") + wire(Opcode.TEXT, "ü".encode()) + wire(Opcode.TEXT, b"\xfe"))
    assert listening.told == [("violated", "sent a text that is not UTF-8")]
    assert listening.texts == [b"\xff", "ü".encode(), b"\xfe"]


def test_a_length_in_more_bytes_than_it_needs_is_a_violation() -> None:
    listening = Listening()
    listening.data_received(b"\x81\x7e\x00\x01a" + wire(Opcode.TEXT, b"y" * 126))
    assert listening.told == [("violated", "sent a text whose length takes more bytes than it needs")]
    assert listening.texts == [b"a", b"y" * 126]


def test_a_message_in_fragments_that_the_close_frame_leaves_open_is_a_violation() -> None:
    listening = Listening()
    listening.data_received(wire(Opcode.TEXT, b"one ", fin=False) + wire(Opcode.CLOSE, b"\x03\xf4"))
    assert listening.told[0] == ("violated", "left a message in fragments open at its close frame")
