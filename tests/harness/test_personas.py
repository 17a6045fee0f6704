"""Each persona does what its name says, seen from a server and in the history."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from itertools import pairwise
from typing import TypeVar

import pytest
from websockets.client import ClientProtocol
from websockets.uri import parse_uri
from websockets.utils import accept_key

from harness.clients.client import Client
from harness.clients.dialects import Dialect, Envelope
from harness.clients.personas import (
    BriefVisitor,
    BusySender,
    Cooperative,
    Interrupted,
    LateAnswerer,
    Leaver,
    Lingerer,
    SlowReader,
    Talker,
)
from harness.history.record import History
from tests.harness.servers import Served, empty_history, kinds, only, serving, until

NOTICE = json.dumps({"type": "draining", "deadline_s": 5.0, "reconnect_after_s": 0.1})
C = TypeVar("C", bound=Client)
ALL = (Lingerer, Cooperative, Leaver, BusySender, Talker, BriefVisitor, LateAnswerer, Interrupted, SlowReader)


@pytest.fixture
def history() -> History:
    return empty_history()


def one(persona: type[C], history: History) -> C:
    name = f"{persona.persona}-1"
    return persona(name, history, Dialect(name))


async def goodbye(connection: Served) -> None:
    """Tell, and close with 1012."""
    await connection.send(NOTICE)
    await connection.close(1012, "service restart")


async def listen(connection: Served) -> None:
    """Read until the client leaves."""
    await connection.wait_closed()


@pytest.mark.parametrize("persona", ALL)
def test_no_persona_of_the_peaceful_cast_is_hostile(persona: type[Client]) -> None:
    assert not persona.hostile


async def test_a_lingerer_is_told_and_stays_until_the_server_closes(history: History) -> None:
    async with serving(goodbye) as port:
        lingerer = one(Lingerer, history)
        await lingerer.connect(port)
        await until(lambda: lingerer.ended, "the end of the connection")
    assert kinds(history, "lingerer-1") == [
        *("connecting", "opened", "notice", "close_received", "close_sent", "ended"),
    ]
    assert only(history, "close_received").detail == {"code": 1012, "reason": "service restart"}
    assert only(history, "close_sent").detail == {"code": 1012, "ours": False}
    assert only(history, "ended").detail == {"how": "eof"}


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 503 Serv"])
async def test_a_handshake_that_ends_without_a_whole_answer_ended_by_eof(history: History, answer: bytes) -> None:
    async def cut_off(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(cut_off, "127.0.0.1", 0) as server:
        assert not await one(Lingerer, history).connect(server.sockets[0].getsockname()[1])
    assert only(history, "failed").detail == {"error": "eof"}


async def test_a_knocker_is_let_in_and_leaves_at_once(history: History) -> None:
    async with serving(listen) as port:
        visitor = one(BriefVisitor, history)
        await visitor.connect(port)
        await until(lambda: visitor.ended, "the end of the connection")
    told = ["connecting", "opened", "close_sent", "close_received", "ended"]
    assert kinds(history, "brief-visitor-1") == told
    assert only(history, "close_sent").detail == {"code": 1000, "ours": True}


async def test_a_cooperative_client_leaves_with_1000_at_the_moment_that_its_notice_advises(
    history: History,
) -> None:
    async def tell(connection: Served) -> None:
        await connection.send(NOTICE)
        await connection.wait_closed()

    async with serving(tell) as port:
        cooperative = one(Cooperative, history)
        await cooperative.connect(port)
        await until(lambda: cooperative.ended, "the end of the connection")
    close = only(history, "close_sent")
    assert close.detail == {"code": 1000, "ours": True}
    assert 0.095 <= close.t - only(history, "notice").t < 1.0
    assert only(history, "close_received").detail["code"] == 1000


async def test_a_leaver_leaves_at_its_own_moment_with_its_own_code(history: History) -> None:
    async with serving(listen) as port:
        leaver = one(Leaver, history)
        leaver.leaves_s, leaver.code = 0.05, 3000
        await leaver.connect(port)
        leaver.on_signal()
        await until(lambda: leaver.ended, "the end of the connection")
    assert only(history, "close_sent").detail == {"code": 3000, "ours": True}
    assert only(history, "close_received").detail["code"] == 3000


async def test_a_leaver_may_leave_without_a_code_and_that_is_recorded_as_1005(history: History) -> None:
    ends: list[tuple[int | None, bytes]] = []

    async def listen_to_the_end(connection: Served) -> None:
        await connection.wait_closed()
        ends.append((connection.close_code, connection.chunks[-1]))

    async with serving(listen_to_the_end) as port:
        leaver = one(Leaver, history)
        leaver.code = None
        await leaver.connect(port)
        leaver.on_signal()
        await until(lambda: ends, "the end of the connection")
    ((code, frame),) = ends
    assert code == 1005
    assert frame[:2] == b"\x88\x80"  # a close frame, masked, that is empty
    assert only(history, "close_sent").detail == {"code": 1005, "ours": True}


@pytest.mark.parametrize("delay_s", [0.0, 0.02])
async def test_one_that_is_interrupted_has_a_message_on_its_way_when_the_close_frame_comes(
    history: History, delay_s: float
) -> None:
    received: list[bytes] = []

    async def close(connection: Served) -> None:
        await connection.close(1012)
        received.append(b"".join(connection.chunks[1:]))

    async with serving(close) as port:
        interrupted = one(Interrupted, history)
        interrupted.close_answer_delay_s = delay_s
        await interrupted.connect(port)
        await until(lambda: interrupted.ended and received, "the end of the connection")
    masked = len("m:interrupted-1:0") + 6
    assert received[0][0] == 0x81  # a text,
    assert received[0][masked] == 0x88  # and then the answer to the close frame
    assert kinds(history, "interrupted-1") == [
        *("connecting", "opened", "sent", "close_received", "close_sent", "ended"),
    ]
    assert only(history, "ended").detail == {"how": "eof"}


async def test_a_slow_reader_reads_all_that_it_is_sent_in_many_gulps_and_answers_the_goodbye(history: History) -> None:
    gulps: list[int] = []

    class Gulping(SlowReader):
        gulp_s = 0.001

        def data_received(self, data: bytes) -> None:
            gulps.append(len(data))
            super().data_received(data)

    async def flood(connection: Served) -> None:
        for n in range(40):
            await connection.send(f"m:other:{n} {'x' * 1000}")
        await goodbye(connection)

    async with serving(flood) as port:
        slow = one(Gulping, history)
        await slow.connect(port)
        await until(lambda: slow.ended, "the end of the connection")
    assert len(gulps) > 10
    told = kinds(history, "slow-reader-1")
    assert told == ["connecting", "opened", *["heard"] * 40, "notice", "close_received", "close_sent", "ended"]
    assert only(history, "ended").detail == {"how": "eof"}


async def test_a_busy_sender_sends_each_burst_in_one_segment(history: History) -> None:
    seen: list[Served] = []

    async def read_two_bursts(connection: Served) -> None:
        seen.append(connection)
        for n in range(60):
            assert await connection.recv() == f"m:busy-1:{n}"
        await connection.close(1012)

    async with serving(read_two_bursts) as port:
        busy = one(BusySender, history)
        busy.interval_s = 0.05
        await busy.connect(port)
        await until(lambda: busy.ended, "the end of the connection")
    handshake, first, second, *_ = seen[0].chunks
    assert handshake.startswith(b"GET /ws ")
    assert len(first) == sum(2 + 4 + len(f"m:busy-1:{n}") for n in range(30))
    assert len(second) == sum(2 + 4 + len(f"m:busy-1:{n}") for n in range(30, 60))


async def test_a_busy_sender_sends_nothing_after_the_close_frame(history: History) -> None:
    async with serving(goodbye) as port:
        busy = one(BusySender, history)
        busy.interval_s = 0.01
        await busy.connect(port)
        await until(lambda: busy.ended, "the end of the connection")
        busy.say()
    sent = [event.t for event in history.events if event.what == "sent"]
    assert all(t <= only(history, "close_received").t for t in sent)


async def test_a_talker_says_one_numbered_thing_every_so_often(history: History) -> None:
    async def answer_three(connection: Served) -> None:
        for _ in range(3):
            await connection.send(f"You said: {await connection.recv()!s}")
        await connection.close(1012)

    async with serving(answer_three) as port:
        talker = one(Talker, history)
        talker.interval_s = talker.first_s = 0.02
        await talker.connect(port)
        await until(lambda: talker.ended, "the end of the connection")
    sent = [event for event in history.events if event.what == "sent"]
    assert [event.detail["n"] for event in sent[:3]] == [0, 1, 2]
    assert all(later.t - earlier.t >= 0.5 * talker.interval_s for earlier, later in pairwise(sent))
    assert [event.detail["n"] for event in history.events if event.what == "answered"] == [0, 1, 2]


async def test_a_late_answerer_answers_the_close_frame_after_its_delay(history: History) -> None:
    async with serving(goodbye) as port:
        late = one(LateAnswerer, history)
        late.close_answer_delay_s = 0.2
        await late.connect(port)
        await until(lambda: late.ended, "the end of the connection")
    answer = only(history, "close_sent")
    assert answer.detail == {"code": 1012, "ours": False}
    assert 0.19 <= answer.t - only(history, "close_received").t < 1.0
    assert only(history, "ended").t >= answer.t


async def test_a_refused_handshake_is_recorded_with_its_status_and_advice(history: History) -> None:
    def refuse(connection, request):  # type: ignore[no-untyped-def]  # websockets' own types, in a test
        response = connection.respond(503, "draining\n")
        response.headers["Retry-After"] = "3"
        return response

    async with serving(listen, refuse) as port:
        assert not await one(Lingerer, history).connect(port)
    assert only(history, "refused").detail == {"status": 503, "retry_after": "3", "said": "draining"}


class Nobody(asyncio.Transport):
    """The other end of a connection, which says only what the test has it say."""

    def write(self, data: object) -> None: ...

    def abort(self) -> None: ...


def connecting(history: History) -> Lingerer:
    lingerer = one(Lingerer, history)
    lingerer._protocol = ClientProtocol(parse_uri("ws://localhost/ws"))
    lingerer._settled = asyncio.get_running_loop().create_future()
    lingerer.connection_made(Nobody())
    return lingerer


async def test_the_answer_to_a_handshake_may_come_in_pieces() -> None:
    refusal = b"HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 9\r\n\r\ndraining\n"
    for cut in range(len(refusal)):
        history = empty_history()
        lingerer = connecting(history)
        lingerer.data_received(refusal[:cut])
        lingerer.data_received(refusal[cut:])
        assert only(history, "refused").detail == {"status": 503, "retry_after": "3", "said": "draining"}

    welcome = b"HTTP/1.1 101 Yes\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
    for cut in range(len(welcome)):
        history = empty_history()
        lingerer = connecting(history)
        answer = welcome + accept_key(lingerer._protocol.key).encode() + b"\r\n\r\n" + b"\x81\x05m:c:7"
        for piece in (answer[:cut], answer[cut:-3], answer[-3:]):  # the frame begins in one, and ends in the next
            lingerer.data_received(piece)
        assert only(history, "heard").detail == {"sender": "c", "n": 7}


async def test_a_reset_is_told_from_an_end(history: History) -> None:
    async def reset(connection: Served) -> None:
        raw = connection.transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.transport.abort()

    async with serving(reset) as port:
        lingerer = one(Lingerer, history)
        await lingerer.connect(port)
        await until(lambda: lingerer.ended, "the end of the connection")
    assert only(history, "ended").detail == {"how": "reset"}


async def test_a_connection_that_we_drop_ends_locally(history: History) -> None:
    async with serving(listen) as port:
        lingerer = one(Lingerer, history)
        await lingerer.connect(port)
        lingerer.tear_down()
        await until(lambda: lingerer.ended, "the end of the connection")
    assert only(history, "ended").detail == {"how": "local"}


async def test_a_handshake_that_nobody_answers_times_out(history: History) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        assert not await one(Lingerer, history).connect(mute.getsockname()[1], timeout_s=0.05)
    assert only(history, "failed").detail == {"error": "timeout"}


async def test_pings_are_answered_and_fragments_are_joined(history: History) -> None:
    async def ping(connection: Served) -> None:
        await (await connection.ping())
        await connection.send(iter(["m:talk", "er-9:4"]))
        await connection.close(1012)

    async with serving(ping) as port:
        lingerer = one(Lingerer, history)
        await lingerer.connect(port)
        await until(lambda: lingerer.ended, "the end of the connection")
    assert only(history, "heard").detail == {"sender": "talker-9", "n": 4}


async def test_an_envelope_speaker_publishes_and_is_acknowledged(history: History) -> None:
    async def acknowledge(connection: Served) -> None:
        publish = json.loads(await connection.recv())
        await connection.send(json.dumps({"type": "ack", "id": publish["id"], "seq": 7}))
        await connection.send(json.dumps({"type": "message", "seq": 8, "data": "m:broadcast:2"}))
        await connection.send(json.dumps({"type": "message", "seq": 9, "data": "Test notification"}))
        await connection.close(1012)

    async with serving(acknowledge) as port:
        talker = Talker("talker-1", history, Envelope("talker-1", room="mine"))
        talker.subprotocol = None  # the server in this test negotiates none
        await talker.connect(port)
        await until(lambda: talker.ended, "the end of the connection")
    assert kinds(history, "talker-1") == [
        *("connecting", "opened", "sent", "answered", "heard", "notified"),
        *("close_received", "close_sent", "ended"),
    ]
