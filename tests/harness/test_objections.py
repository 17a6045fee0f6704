"""What a target said to clients that it lost before it was told to stop, and which option may help."""

from __future__ import annotations

from typing import Any

import pytest

from harness.clients.objections import explain
from harness.clients.wire import first_line
from harness.history.events import Event

Life = list[tuple[str, dict[str, Any]]]
OPENED: Life = [("opened", {"local_port": 1})]
SPOKE: Life = [*OPENED, ("sent", {"n": 0})]


def of(*lives: Life, printed: str = "") -> str:
    events = [Event(0.0, "target", "line", {"text": text}) for text in (printed, " ")]
    events += [Event(0.5, "served-1", "opened", {"local_port": 2})]
    for number, life in enumerate(lives):
        events += [
            Event(1.0 + number, f"a-{number}", what, detail)
            for what, detail in [("connecting", {"path": "/ws"}), *life]
        ]
    return explain(events, [f"a-{number}" for number in range(len(lives))], 60)


def refused(status: int, said: str = "") -> Life:
    return [("refused", {"status": status, "said": said})]


def closed(code: int, reason: str = "") -> Life:
    return [("close_received", {"code": code, "reason": reason}), ("ended", {"how": "eof"})]


@pytest.mark.parametrize(
    ("life", "what", "option"),
    [
        (refused(401, "who are you?"), "refused with HTTP 401 (who are you?) on /ws", "--header NAME:VALUE"),
        (refused(403), "refused with HTTP 403 on /ws", "--ws PATH; a token or an origin? --header NAME:VALUE"),
        (refused(404), "refused with HTTP 404", "--ws PATH"),
        (refused(400), "refused with HTTP 400", "--subprotocol NAME"),
        (refused(426), "refused with HTTP 426", "--subprotocol NAME"),
        (refused(429), "refused with HTTP 429", "--clients N"),
        (refused(302), "refused with HTTP 302", "--ws PATH"),
        (refused(500), "refused with HTTP 500", "an error of its own?"),
        ([("failed", {"error": "timeout"})], "the handshake on /ws failed: timeout", "--ws PATH"),
        ([], "no answer at all on /ws", "--ws PATH"),
        ([*OPENED, ("not_let_in", {"reason": "'ack' was not heard"})], "never let in: 'ack' was", "--let-in PATTERN"),
        ([*OPENED, *closed(4401), ("not_let_in", {"reason": "closed with 4401 ()"})], "closed with 4401", "--cookie"),
        ([*SPOKE, *closed(1003, "no text")], "closed with 1003 (no text) after its first text", "--say TEXT"),
        ([*SPOKE, *closed(1007)], "closed with 1007 after its first text", "--dialect silent"),
        ([*SPOKE, *closed(1008)], "closed with 1008 after its first text", "--say TEXT"),
        ([*SPOKE, *closed(4000)], "closed with 4000 after its first text", "--say TEXT"),
        ([*OPENED, *closed(1008)], "closed with 1008 before it had said anything", "--header NAME:VALUE"),
        ([*OPENED, *closed(1005)], "closed without a code before it had said anything", "--subprotocol NAME"),
        ([*OPENED, *closed(1000)], "closed with 1000 before it had said anything", "--first TEXT"),
        ([*SPOKE, ("ended", {"how": "eof"})], "ended by eof without a close frame", "--say TEXT"),
        ([*OPENED, ("ended", {"how": "reset"})], "ended by reset without a close frame", "--first TEXT"),
    ],
)
def test_an_objection_is_said_with_a_guess_at_its_reason_and_the_option_that_helps(
    life: Life, what: str, option: str
) -> None:
    first, second = of(life).splitlines()
    assert first.startswith("1 of 60 clients were lost before the target was told to stop; 1: ")
    assert what in first
    assert option in second


def test_the_most_frequent_objection_is_explained_and_others_are_counted() -> None:
    first, second = of(refused(503), refused(404), refused(404)).splitlines()
    assert first.endswith("; 2: refused with HTTP 404 on /ws; 1: refused with HTTP 503 on /ws")
    assert second == "  another path? --ws PATH"


@pytest.mark.parametrize("life", [[*SPOKE, *closed(1011)], [*SPOKE, ("ended", {"how": "eof"})], refused(500)])
def test_where_an_error_of_the_targets_own_may_be_the_reason_its_last_line_is_shown(life: Life) -> None:
    assert of(life, printed="KeyError: 'type'").splitlines()[2] == "  it printed last: KeyError: 'type'"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (None, ""),
        (b"\nnot from here\nat all\n", "not from here"),
        (b"<!DOCTYPE html><html><head><title>403</title></head>\n<body><h1>Forbidden</h1></body>", "Forbidden"),
        (b'{"detail": "Not Found"}', '{"detail": "Not Found"}'),
        (b"x" * 500, "x" * 200),
    ],
)
def test_the_first_words_of_an_answer_are_kept(body: bytes | None, said: str) -> None:
    assert first_line(body) == said
