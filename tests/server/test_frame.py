"""A text message on the wire, against the frames of another implementation."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame as Reference
from websockets.frames import Opcode

from server.messages.frame import Frame


def reference(text: str) -> bytes:
    return Reference(Opcode.TEXT, text.encode()).serialize(mask=False)


@given(st.text())
def test_a_frame_is_what_websockets_would_send(text: str):
    assert Frame.of(text).wire == reference(text)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 100_000])
def test_every_form_of_the_length(size: int):
    frame = Frame.of("x" * size)

    assert frame.wire == reference("x" * size)
    assert frame.size == len(frame.wire)
