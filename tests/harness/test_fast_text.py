"""The frames of a connection are taken apart rightly however the bytes are cut, and what none may send ends it."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

from harness.clients.fast_text import FastTextConnection
from tests.harness.servers import empty_history

TEXTS = st.lists(st.text(max_size=20) | st.sampled_from(["x" * 125, "x" * 126, "y" * 65536]), max_size=6)


class Listening(FastTextConnection):
    """A connection whose handshake is over, and which keeps what it is handed."""

    def __init__(self) -> None:
        super().__init__("quick-1", empty_history())
        self._protocol = ClientProtocol(parse_uri("ws://localhost/ws"))
        self._protocol.state = 1  # OPEN
        next(self._protocol.parser)
        self._protocol.parser = self._protocol.parse()
        self.opened = True
        self.texts: list[bytes] = []

    def on_payload(self, now: float, text: bytes) -> None:
        self.texts.append(text)


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
