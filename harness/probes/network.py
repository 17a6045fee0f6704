"""The operating system's network, as the harness needs it: words for its errors, ports, descriptors.

Owns no connection. Refuses to know targets and clients.
"""

from __future__ import annotations

import asyncio
import random
import resource
import socket
from pathlib import Path

HOST = "127.0.0.1"
EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
FEWEST_SPARE = 256
SPARE = 1024  # probes, handshakes that race the signal, and late clients


def name_of(error: OSError) -> str:
    """The word that a history uses for an error of the network."""
    match error:
        case TimeoutError():
            return "timeout"
        case ConnectionRefusedError():
            return "refused"
        case ConnectionResetError() | BrokenPipeError():
            return "reset"
        case _:
            return str(error) or type(error).__name__


def local_port_of(transport: asyncio.BaseTransport | None) -> int | None:
    """The local port, by which the process at the other end can be found; None without a connection."""
    ours = transport and transport.get_extra_info("sockname")
    return ours[1] if isinstance(ours, tuple) else None


def free_port() -> int:
    """A port that can be bound, below the range from which the kernel gives ports to outgoing connections.

    A port inside that range may be taken by another connection before the target binds it. And a client that
    connects to it when the target is gone may be connected to itself, which looks like a server that hangs.
    """
    lowest = int(EPHEMERAL_RANGE.read_text().split()[0]) if EPHEMERAL_RANGE.exists() else 32768
    for _ in range(64):
        port = random.randrange(10240, lowest) if lowest > 10240 else 0
        if why_not_bindable(port) is None:
            return port
    with socket.socket() as listener:
        listener.bind((HOST, 0))
        return int(listener.getsockname()[1])


def why_not_bindable(port: int) -> str | None:
    """None when a restarted server could listen on the port at once, else the reason."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
            listener.listen()
        except OSError as error:
            return str(error)
    return None


def allow_descriptors(connections: int) -> str | None:
    """Raise the soft limit of open files when `connections` may need it, and say so.

    The target inherits the limit. Raises OSError with both numbers when the hard one is too low.
    """
    needed, wanted = connections + FEWEST_SPARE, connections + SPARE
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise OSError(f"{connections} clients need {needed} open files, the hard limit is {hard} (ulimit -Hn)")
    if soft == resource.RLIM_INFINITY or soft >= wanted or soft == hard:
        return None
    raised = wanted if hard == resource.RLIM_INFINITY else hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (raised, hard))
    return f"raised the limit of open files from {soft} to {raised}"
