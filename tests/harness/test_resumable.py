"""What a resumable connection makes of bytes and envelopes: nothing is missed however they are cut."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from harness.clients.received import MOST_KNOWN, Readings, Said
from harness.clients.resumable import EnvelopeConnection, LogPosition
from harness.history.record import History
from tests.harness.servers import Served, empty_history, kinds, only, serving, until


def numbered(seq: int, sender: str = "speaker-1", n: int = 1) -> str:
    return json.dumps({"type": "message", "seq": seq, "room": None, "data": {"s": sender, "n": n}})


@pytest.fixture
def history() -> History:
    return empty_history()


def test_a_numbered_message_is_read_once_and_remembered() -> None:
    readings = Readings()
    text = numbered(7, "speaker-2", 3).encode()
    assert readings.read(text) == Said(7, 0, 3) == readings.known[text]
    assert readings.read(numbered(8, "speaker-1", 1).encode()) == Said(8, 1, 1)
    assert readings.senders == ["speaker-2", "speaker-1"]


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"ack","id":"a:1","seq":1}',
        '{"type":"message","seq":1,"data":"Test notification"}',
        '{"type":"message","seq":1,"data":{"s":1,"n":1}}',
        "not JSON",
    ],
)
def test_anything_else_is_no_numbered_message(text: str) -> None:
    readings = Readings()
    assert readings.read(text.encode()) is None
    assert not readings.known


def test_what_is_remembered_is_bounded() -> None:
    readings = Readings()
    for n in range(2 * MOST_KNOWN):
        readings.read(numbered(n, n=n).encode())
    assert len(readings.known) <= MOST_KNOWN


def test_a_newcomer_stands_where_its_welcome_says() -> None:
    log_position = LogPosition()
    assert (log_position.resume_from, log_position.query) == (None, "")
    log_position.welcome("e", 5)
    assert (log_position.resume_from, log_position.query) == (("e", 5), "?epoch=e&seq=5")
    log_position.welcome("f", 9)
    assert log_position.resume_from == ("e", 5), "who comes back is where it was, whatever the server's log says"


def test_each_message_is_applied_once_whichever_connection_brings_it() -> None:
    log_position = LogPosition()
    log_position.welcome("e", 0)
    for seq in (1, 2, 2, 1, 4, 3):
        log_position.reach("e", seq)
    log_position.reach("f", 9)
    assert (log_position.resume_from, log_position.applied) == (("e", 4), 3)


def test_a_gap_moves_on_and_never_back() -> None:
    log_position = LogPosition()
    log_position.welcome("e", 20)
    log_position.gap("e", 11)
    assert log_position.resume_from == ("e", 20)
    log_position.gap("e", 31)
    assert log_position.resume_from == ("e", 30)
    log_position.gap("f", 3)
    assert log_position.resume_from == ("f", 2)


async def listened(
    history: History, said: list[dict[str, Any]], log_position: LogPosition | None = None
) -> EnvelopeConnection:
    """A connection on which a server has said all that and gone."""

    async def say(connection: Served) -> None:
        for envelope in said:
            await connection.send(json.dumps(envelope))
        await connection.close(1012)

    async with serving(say) as port:
        connection = EnvelopeConnection(
            "r-1/1", history, "/ws/r-1", "r-1", 2, Readings(), log_position or LogPosition()
        )
        assert await connection.connect(port)
        await until(connection.over.is_set, "the end of the connection")
    return connection


WELCOME = {"type": "welcome", "connection": "c", "epoch": "e", "seq": 4, "ping_s": None}


async def test_everything_that_is_said_is_on_record_and_what_arrived_in_columns(history: History) -> None:
    log_position = LogPosition()
    messages = [json.loads(numbered(5, n=1)), json.loads(numbered(6, "speaker-2", 1))]
    await listened(history, [WELCOME, messages[0], {"type": "ack", "id": "r-1:1", "seq": 6}, messages[1]], log_position)
    assert kinds(history, "r-1/1") == [
        *("connecting", "opened", "welcome", "acked", "close_received", "close_sent", "ended", "received"),
    ]
    connecting = only(history, "connecting").detail
    assert (connecting["client"], connecting["host"], connecting["position"]) == ("r-1", 2, None)
    assert only(history, "welcome").detail == {"epoch": "e", "seq": 4, "frames": 0}
    assert only(history, "acked").detail == {"id": "r-1:1", "seq": 6, "frames": 1}
    received = only(history, "received").detail
    assert [list(received[name]) for name in ("seq", "sender", "n")] == [[5, 6], [0, 1], [1, 1]]
    assert received["senders"] == ["speaker-1", "speaker-2"]
    assert list(received["at"]) == sorted(received["at"])
    assert log_position.resume_from == ("e", 6)


async def test_who_resumes_has_arrived_with_the_answer_and_not_with_the_welcome(history: History) -> None:
    log_position = LogPosition()
    log_position.welcome("e", 4)
    connection = await listened(history, [WELCOME], log_position)
    assert connection.arrival.result() is False
    assert only(history, "connecting").detail["position"] == ("e", 4)
    assert only(history, "connecting").detail["path"] == "/ws/r-1?epoch=e&seq=4"


@pytest.mark.parametrize(
    ("answer", "position"),
    [
        ({"type": "resumed", "epoch": "e", "seq": 9, "replayed": 5}, ("e", 4)),
        ({"type": "gap", "after": 4, "next": 8, "epoch": "e"}, ("e", 7)),
        ({"type": "gap", "after": 4, "next": 2, "epoch": "f"}, ("f", 1)),
    ],
)
async def test_a_resume_is_answered_by_resumed_or_a_gap(
    history: History, answer: dict[str, Any], position: tuple[str, int]
) -> None:
    log_position = LogPosition()
    log_position.welcome("e", 4)
    connection = await listened(history, [WELCOME | {"epoch": answer["epoch"]}, answer], log_position)
    assert connection.arrival.result() is True
    assert log_position.resume_from == position


async def test_a_notice_reconnect_at_elsewhere_at_its_moment_and_an_end_without_one_does_not(history: History) -> None:
    told = await listened(history, [WELCOME, {"type": "draining", "deadline_s": 5, "reconnect_after_s": 0.5}])
    assert told.reconnect_at.result() == pytest.approx(only(history, "notice").t + 0.5)
    assert (await listened(empty_history(), [WELCOME])).reconnect_at.result() is None


async def test_an_error_reaches_whoever_has_asked(history: History) -> None:
    class Asking(EnvelopeConnection):
        refused = 0

        def on_error(self) -> None:
            self.refused += 1

    async def refuse(connection: Served) -> None:
        assert json.loads(await connection.recv()) == {"type": "publish", "id": "r-1:1", "data": 1}
        await connection.send('{"type":"error","code":"broker_unavailable","detail":"no answer"}')
        await connection.wait_closed()

    async with serving(refuse) as port:
        asking = Asking("r-1/1", history, "/ws/r-1", "r-1", 0, Readings(), LogPosition())
        await asking.connect(port)
        asking.say({"type": "publish", "id": "r-1:1", "data": 1})
        await until(lambda: asking.refused, "the error")
        asking.tear_down()
        await asyncio.wait_for(asking.over.wait(), 5)
    assert only(history, "error").detail == {"code": "broker_unavailable", "frames": 0}


async def test_a_connection_that_still_stands_can_be_asked_what_has_arrived_once(history: History) -> None:
    async def say(connection: Served) -> None:
        await connection.send(json.dumps(WELCOME))
        await connection.send(numbered(5))
        await connection.wait_closed()

    async with serving(say) as port:
        connection = EnvelopeConnection(
            "r-1/1", history, "/ws/r-1", "r-1", 0, Readings(), log_position := LogPosition()
        )
        await connection.connect(port)
        await until(lambda: log_position.applied, "the message")
        connection.keep()
        connection.tear_down()
        await until(connection.over.is_set, "the end of the connection")
    assert list(only(history, "received").detail["n"]) == [1]
