"""The sockets of several processes that listen on one port: `SO_REUSEPORT`.

Owns how the port is taken by a host and shared by its workers. The kernel spreads new connections over all that
listen; a socket that is bound and does not listen takes none. Refuses to know processes.

`SO_REUSEPORT` shares with any process of the same user, so a stranger that listens there would go unnoticed. Hence
a parent first takes the port as a lone server does, with `SO_REUSEADDR` only, and then keeps a socket on it with
`SO_REUSEPORT` only. Measured on Linux 6.18: that is refused while anybody listens, and refuses a second parent even
before the first worker listens; neither is held up by connections of a former server, in TIME_WAIT or still open.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable

Address = tuple[socket.AddressFamily, tuple[str | int, ...]]


class CannotListen(Exception):
    """The port cannot be bound. The text says in one line which, and why."""


def reserve(host: str, port: int) -> list[socket.socket]:
    """Take `port` (0: any) on every address of `host`, without listening, for as long as the sockets are kept.

    Returns one socket for each address, all with the same port. Raises CannotListen.
    """
    if not hasattr(socket, "SO_REUSEPORT"):
        raise CannotListen("--workers: this system has no SO_REUSEPORT; start one process for each port")
    return _for_each_address(host, port, _reserved)


def shared(host: str, port: int) -> list[socket.socket]:
    """Bind a socket for each address of `host`, to be listened on beside others. Raises CannotListen."""
    return _for_each_address(host, port, lambda address: _bound(address, socket.SO_REUSEADDR, socket.SO_REUSEPORT))


def _for_each_address(host: str, port: int, bind: Callable[[Address], socket.socket]) -> list[socket.socket]:
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for family, (name, _, *more) in _addresses(host, port):
            taken = sockets[0].getsockname()[1] if sockets else port
            try:
                sockets.append(bind((family, (name, taken, *more))))
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
                missing = error  # such as ::1 of `localhost` where there is no IPv6
        if missing is not None and not sockets:
            raise missing
    except OSError as error:
        for each in sockets:
            each.close()
        raise CannotListen(f"cannot listen on {host} port {port}: {error.strerror}") from None
    return sockets


def _addresses(host: str, port: int) -> Iterable[Address]:
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    addresses: list[Address] = [(family, address) for family, _, _, _, address in found]  # type: ignore[misc]  # IPv4 and IPv6 differ
    return dict.fromkeys(addresses)


def _reserved(address: Address) -> socket.socket:
    with _bound(address, socket.SO_REUSEADDR) as lone:
        family, (name, _, *more) = address
        address = (family, (name, lone.getsockname()[1], *more))
    try:
        return _bound(address, socket.SO_REUSEPORT)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        return _bound(address, socket.SO_REUSEADDR, socket.SO_REUSEPORT)  # TIME_WAIT of a server that did not share


def _bound(address: Address, *options: int) -> socket.socket:
    family, name = address
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        for option in options:
            listener.setsockopt(socket.SOL_SOCKET, option, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind(name)
    except BaseException:
        listener.close()
        raise
    return listener
