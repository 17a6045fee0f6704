"""The two ways out keep the same promises: order, one write a turn, a bound in bytes."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.connections.lane import DirectOutput, QueuedOutput, output_of
from server.connections.outgoing import Broadcaster, Outgoing
from server.connections.transport import PING_EVERY_S, TcpConnection
from server.messages.frame import Batch, Frame
from server.messages.wire import Form


class Transport:
    """Keeps what is written; `holds` bytes count as unsent."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.holds = 0
        self.aborted = False
        self.info: dict[str, Any] = {}

    def get_extra_info(self, name: str) -> Any:
        return self.info.get(name)

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def get_write_buffer_size(self) -> int:
        return self.holds

    def abort(self) -> None:
        self.aborted = True


class WSProtocol(asyncio.Protocol):
    """As much of uvicorn's protocol of this name as a TCP connection reaches for."""

    def __init__(self) -> None:
        self.transport: Any = Transport()
        self.writable = asyncio.Event()
        self.writable.set()
        self.close_timeout = 10.0
        self.request = self.response = "handshake"
        self.scope = {"headers": [(b"a", b"b")]}
        self.ping_interval = 20.0
        self.pinged = 0
        self.ping_timer: asyncio.TimerHandle | None = None
        self.lost_with: list[Exception | None] = []

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost_with.append(exc)

    def send_keepalive_ping(self) -> None:
        self.pinged += 1

    async def send(self, message: Any) -> None: ...


@pytest.fixture
async def protocol() -> WSProtocol:
    return WSProtocol()


def batch(*texts: str) -> Batch:
    return Batch.of([Frame.of(text) for text in texts])


async def test_under_uvicorn_frames_are_written_to_the_transport_in_one_go(protocol):
    output = output_of(TcpConnection(protocol.send), protocol.send, limit_bytes=100)

    assert isinstance(output, DirectOutput)
    assert output.write(batch("a")) is None
    assert output.write(batch("b", "c")) is None
    assert protocol.transport.written == [b"\x81\x01a", b"\x81\x01b\x81\x01c"]


async def test_what_does_not_fit_is_not_written_and_said_so(protocol):
    output = DirectOutput(TcpConnection(protocol.send), limit_bytes=100)
    protocol.transport.holds = 98

    assert output.write(batch("a")) == "98 of 100 bytes"
    assert protocol.transport.written == []


async def test_a_transport_that_is_closed_already_harms_nobody(protocol):
    """uvloop raises for it, and whoever comes after it in a broadcast would get nothing."""

    def closed(*_: object) -> None:
        raise RuntimeError("unable to perform operation on <TCPTransport closed=True>; the handler is closed")

    protocol.transport.write = closed
    assert DirectOutput(TcpConnection(protocol.send), limit_bytes=100).write(batch("a")) is None


async def test_one_frame_larger_than_the_limit_is_written_when_nothing_waits(protocol):
    output = DirectOutput(TcpConnection(protocol.send), limit_bytes=100)

    assert output.write(batch("x" * 500)) is None


async def test_a_close_frame_waits_for_a_paused_transport(protocol):
    output = DirectOutput(TcpConnection(protocol.send), limit_bytes=100)
    protocol.writable.clear()
    flushed = asyncio.create_task(output.flushed())
    await asyncio.sleep(0)
    assert (output.ready, flushed.done()) == (False, False)

    protocol.writable.set()
    await flushed
    assert output.ready


async def test_elsewhere_frames_go_through_asgi_in_order():
    sent: list[str] = []

    async def send(message: Any) -> None:
        await asyncio.sleep(0)
        sent.append(message["text"])

    output = output_of(TcpConnection(send), send, limit_bytes=100)
    assert isinstance(output, QueuedOutput)
    output.write(batch("a", "b"))
    output.write(batch("c"))
    await output.flushed()

    assert sent == ["a", "b", "c"]


async def test_elsewhere_too_the_backlog_is_bounded():
    async def send(message: Any) -> None:
        await asyncio.Event().wait()

    output = QueuedOutput(send, limit_bytes=10)
    assert output.write(batch("1234")) is None
    await asyncio.sleep(0)
    assert output.write(batch("1234", "5678")) == "6 of 10 bytes, oldest 0.0 s"
    output.end()
    await output.flushed()


async def test_elsewhere_too_one_frame_larger_than_the_limit_is_sent_when_nothing_waits():
    async def send(message: Any) -> None:
        await asyncio.Event().wait()

    output = QueuedOutput(send, limit_bytes=10)
    assert output.write(batch("x" * 50)) is None
    await asyncio.sleep(0)
    assert output.write(batch("x" * 50)) is None
    assert output.write(batch("y")) == "52 of 10 bytes, oldest 0.0 s"
    output.end()
    await output.flushed()


async def test_elsewhere_an_overflow_makes_room_and_a_client_that_is_gone_takes_nothing():
    async def send(message: Any) -> None:
        raise OSError("gone")

    output = QueuedOutput(send, limit_bytes=12)
    assert output.write(batch("12345678", "abc")) == "10 of 12 bytes, oldest 0.0 s"
    assert output.write(batch("1234567890")) is None
    await output.flushed()
    assert output.write(batch("1234567890")) is None
    await output.flushed()


@given(st.lists(st.one_of(st.text(max_size=20), st.none()), max_size=100), st.integers(1, 100))
def test_elsewhere_nothing_is_lost_or_doubled_and_the_limit_holds(steps: list[str | None], limit: int):
    """None: the client reads one frame."""

    async def run() -> None:
        sent: list[str] = []
        reads = asyncio.Semaphore(0)

        async def send(message: Any) -> None:
            await reads.acquire()
            sent.append(message["text"])

        output, kept, waits = QueuedOutput(send, limit), [], []
        for step in steps:
            if step is None:
                reads.release()
            elif output.write(batch(step)) is None:
                kept.append(step)
            else:
                waits = [len(Frame.of(text).wire) for text in kept[len(sent) + 1 :]]  # one is on its way
                assert sum(waits) + len(Frame.of(step).wire) > limit
                output.end()
                assert sent == kept[: len(sent)]
                return
            for _ in range(5):
                await asyncio.sleep(0)
        for _ in kept:
            reads.release()
        await output.flushed()
        assert sent == kept

    asyncio.run(run())


async def test_a_tcp_connection_hears_of_the_end_and_passes_it_on(protocol):
    tcp = TcpConnection(protocol.send)
    reset = ConnectionResetError()
    protocol.connection_lost(reset)
    protocol.connection_lost(None)

    await tcp.lost
    assert protocol.lost_with == [reset, None]


async def test_a_connection_of_an_inherited_socket_sends_at_once(protocol):
    """uvicorn takes what `--fd` names for a Unix socket, and so no event loop turns Nagle's algorithm off."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted, socket.fromfd(accepted.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as taken_for_unix:
            protocol.transport.info["socket"] = taken_for_unix
            TcpConnection(protocol.send)

            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_a_connection_of_a_unix_socket_is_served_too(protocol):
    ours, theirs = socket.socketpair()
    with ours, theirs:
        protocol.transport.info["socket"] = ours

        assert not TcpConnection(protocol.send).is_lost


async def test_a_tcp_connection_forgets_the_handshake_and_spreads_the_pings(protocol):
    tcp = TcpConnection(protocol.send)
    first = protocol.ping_timer = asyncio.get_running_loop().call_later(20, protocol.send_keepalive_ping)
    tcp.spread_pings()
    tcp.forget_handshake()
    moved = protocol.ping_timer

    assert first.cancelled()
    assert 0 <= moved.when() - asyncio.get_running_loop().time() <= 20 + PING_EVERY_S
    moved.cancel()
    assert (protocol.request, protocol.response, protocol.scope["headers"]) == (None, None, [])


async def test_a_tcp_connection_sets_the_close_timeout_and_aborts(protocol):
    tcp = TcpConnection(protocol.send)
    tcp.set_close_timeout(3)
    assert protocol.close_timeout == 3
    tcp.set_close_timeout(-1)
    assert protocol.close_timeout == 0
    tcp.abort()
    assert protocol.transport.aborted


async def test_without_uvicorn_a_tcp_connection_does_nothing_and_ends_at_once_and_to_cut_it_off_ends_its_handler():
    async def send(message: Any) -> None: ...

    async def handler() -> None:
        tcp = TcpConnection(send)
        tcp.spread_pings()
        tcp.forget_handshake()
        tcp.set_close_timeout(3)
        assert tcp.lost.done()
        assert (tcp.writes_directly, tcp.peer_closed, tcp.ping_interval_s) == (False, None, None)
        tcp.abort()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.sleep(10)
        tcp.abort()
        await asyncio.sleep(0)  # once is enough

    await asyncio.create_task(handler())


async def test_what_everyone_was_offered_in_this_turn_leaves_before_a_close(protocol):
    broadcaster = Broadcaster()
    outgoing = Outgoing(broadcaster, Form.PLAIN, lambda _: None)
    outgoing.begin(output_of(TcpConnection(protocol.send), protocol.send, limit_bytes=100), ())
    outgoing.subscribe()
    await asyncio.sleep(0)  # it is sent what everyone is sent
    broadcaster.offer_everyone(None, {form: Frame.of("to all") for form in Form})
    outgoing.flush()
    outgoing.shut()
    written = b"".join(protocol.transport.written)
    await asyncio.sleep(0)

    assert written == Frame.of("to all").wire
    assert b"".join(protocol.transport.written) == written


class Joining(Transport):
    """As uvloop's: what is written in one turn leaves together."""

    def write(self, data: bytes) -> None:
        super().write(data)
        self.holds += len(data)


Joining.__module__ = "uvloop.loop"


@pytest.fixture
async def joined(protocol) -> tuple[Broadcaster, Outgoing, Joining, list[str]]:
    """A connection that is sent what everyone is sent; its transport joins writes, and takes 100 bytes."""
    protocol.transport = transport = Joining()
    broadcaster, full = Broadcaster(), []
    outgoing = Outgoing(broadcaster, Form.PLAIN, full.append)
    outgoing.begin(output_of(TcpConnection(protocol.send), protocol.send, limit_bytes=100), ())
    outgoing.subscribe()
    await asyncio.sleep(0)
    return broadcaster, outgoing, transport, full


async def test_where_the_transport_joins_writes_what_a_connection_is_sent_alone_is_written_at_once(joined):
    broadcaster, outgoing, transport, _ = joined
    outgoing.offer(Frame.of("a"))
    outgoing.offer(Frame.of("b"))

    assert transport.written == [b"\x81\x01a", b"\x81\x01b"]
    assert broadcaster.sent == 2
    outgoing.shut()
    outgoing.offer(Frame.of("after the end"))
    await asyncio.sleep(0)
    assert len(transport.written) == 2


async def test_what_is_for_one_follows_what_everyone_was_offered_before_it_in_the_same_turn(joined):
    broadcaster, outgoing, transport, _ = joined
    outgoing.offer(Frame.of("1"))
    broadcaster.offer_everyone(None, {form: Frame.of("2") for form in Form})
    outgoing.offer(Frame.of("3"))
    broadcaster.offer_everyone(None, {form: Frame.of("4") for form in Form})
    await asyncio.sleep(0)

    assert b"".join(transport.written) == b"\x81\x011\x81\x012\x81\x013\x81\x014"


async def test_what_was_written_at_once_counts_for_the_next_broadcast(joined):
    broadcaster, outgoing, transport, full = joined
    broadcaster.offer_everyone(None, {form: Frame.of("1") for form in Form})
    await asyncio.sleep(0)
    outgoing.offer(Frame.of("x" * 85))
    broadcaster.offer_everyone(None, {form: Frame.of("y" * 20) for form in Form})
    await asyncio.sleep(0)

    assert (full, len(transport.written)) == (["90 of 100 bytes"], 2)
    assert broadcaster.slow_consumers == 1


def newcomer(broadcaster: Broadcaster, full: list[str]) -> tuple[Outgoing, Joining, WSProtocol]:
    protocol = WSProtocol()
    protocol.transport = transport = Joining()
    return Outgoing(broadcaster, Form.PLAIN, full.append), transport, protocol


async def test_what_a_newcomer_is_told_first_is_written_at_once_and_broadcasts_follow():
    broadcaster, full = Broadcaster(), []
    outgoing, transport, protocol = newcomer(broadcaster, full)
    outgoing.subscribe()
    outgoing.begin(output_of(TcpConnection(protocol.send), protocol.send, limit_bytes=100), (Frame.of("hi"),))
    assert transport.written == [b"\x81\x02hi"]
    broadcaster.offer_everyone(None, {form: Frame.of("1") for form in Form})
    await asyncio.sleep(0)

    assert transport.written == [b"\x81\x02hi", b"\x81\x011"]
    assert (broadcaster.sent, full) == (2, [])


async def test_a_newcomer_is_not_sent_what_everyone_was_offered_before_it_came_in_the_same_turn(joined):
    broadcaster, _, others, full = joined
    outgoing, transport, protocol = newcomer(broadcaster, full)
    broadcaster.offer_everyone(None, {form: Frame.of("1") for form in Form})
    outgoing.subscribe()
    outgoing.begin(output_of(TcpConnection(protocol.send), protocol.send, limit_bytes=100), (Frame.of("hi"),))
    broadcaster.offer_everyone(None, {form: Frame.of("2") for form in Form})
    await asyncio.sleep(0)

    assert b"".join(others.written) == b"\x81\x011\x81\x012"
    assert b"".join(transport.written) == b"\x81\x02hi\x81\x012"


async def test_a_newcomer_that_misses_what_it_is_told_first_is_said_to_once_and_sent_nothing_more():
    broadcaster, full = Broadcaster(), []
    outgoing, transport, protocol = newcomer(broadcaster, full)
    outgoing._overflowed = lambda said: (full.append(said), outgoing.flush(), outgoing.shut())
    transport.holds = 90
    outgoing.offer(Frame.of("z"))
    first = (Frame.of("x" * 20), Frame.of("y"))
    outgoing.begin(output_of(TcpConnection(protocol.send), protocol.send, limit_bytes=100), first)
    await asyncio.sleep(0)

    assert (transport.written, full, broadcaster.slow_consumers) == ([], ["90 of 100 bytes"], 1)
