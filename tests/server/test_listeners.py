"""The port that several workers share: taken by one host as long as it runs, and never from somebody else."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

import pytest

from server.workers.listeners import CannotListen, reserve, shared

HERE = "127.0.0.1"


@contextlib.contextmanager
def closing(sockets: list[socket.socket]) -> Iterator[int]:
    """The port of `sockets`, which are closed at the end."""
    try:
        yield sockets[0].getsockname()[1]
    finally:
        for each in sockets:
            each.close()


@pytest.fixture
def lone() -> Iterator[socket.socket]:
    """A server that shares its port with nobody."""
    with socket.create_server((HERE, 0)) as listener:
        yield listener


def test_workers_share_the_port_that_their_parent_keeps():
    with closing(reserve(HERE, 0)) as port, closing(shared(HERE, port)) as one, closing(shared(HERE, port)) as other:
        assert port == one == other


def test_a_port_on_which_somebody_listens_is_not_taken(lone: socket.socket):
    port = lone.getsockname()[1]

    with pytest.raises(CannotListen, match=f"^cannot listen on 127.0.0.1 port {port}: Address already in use$"):
        reserve(HERE, port)


def test_a_second_parent_is_refused_before_and_after_the_first_worker_listens():
    with closing(reserve(HERE, 0)) as port:
        with pytest.raises(CannotListen):
            reserve(HERE, port)
        listening = shared(HERE, port)
        listening[0].listen()
        with closing(listening), pytest.raises(CannotListen):
            reserve(HERE, port)


@pytest.mark.parametrize("options", [(), (socket.SO_REUSEPORT,)], ids=["alone", "with others"])
def test_connections_of_a_former_server_are_in_nobodys_way(options: tuple[int, ...]):
    listener = socket.socket()
    for each in (socket.SO_REUSEADDR, *options):
        listener.setsockopt(socket.SOL_SOCKET, each, 1)
    with listener:
        listener.bind((HERE, 0))
        listener.listen()
        port = listener.getsockname()[1]
        ended, here = socket.create_connection((HERE, port)), listener.accept()[0]
        open_, there = socket.create_connection((HERE, port)), listener.accept()[0]
    here.close()  # first, so that this side waits in TIME_WAIT
    ended.close()
    with open_, there, closing(reserve(HERE, port)) as taken:
        assert taken == port


def test_a_host_with_two_addresses_has_one_port():
    with closing(reserve("localhost", 0)) as port:
        assert port > 0


def test_a_host_that_is_not_there_is_named():
    with pytest.raises(CannotListen, match=r"^cannot listen on 192.0.2.1 port 0: "):
        reserve("192.0.2.1", 0)
    with pytest.raises(CannotListen, match=r"^cannot listen on nowhere.invalid port 0: "):
        reserve("nowhere.invalid", 0)


def test_a_system_that_cannot_share_a_port_says_so(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delattr(socket, "SO_REUSEPORT")

    with pytest.raises(CannotListen, match="no SO_REUSEPORT"):
        reserve(HERE, 0)
