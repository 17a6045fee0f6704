"""What a run needs of the machine: descriptors, ports, cores. A missing one is named before anything starts.

Owns the refusals. Refuses to know servers and clients.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Set
from contextlib import contextmanager
from dataclasses import dataclass

from ..probes.network import EPHEMERAL_RANGE, allow_descriptors

SPARE_PORTS = 64


class NoRoom(Exception):
    """The machine cannot do this run. The text says what is needed, what there is, and what can be done."""


@dataclass(frozen=True)
class Cores:
    """One core for the server, another for the clients; both None if they have to share."""

    server: int | None
    clients: int | None


def make_room(connections: int) -> str | None:
    """Raise the limit of descriptors if it is too low, and say so. Raises NoRoom."""
    check_ports(connections, EPHEMERAL_RANGE.read_text() if EPHEMERAL_RANGE.exists() else "")
    try:
        return allow_descriptors(connections)
    except OSError as error:
        raise NoRoom(str(error)) from None


def check_ports(connections: int, ephemeral_range: str) -> None:
    """All clients connect from one address to one port, so each needs its own local port. Raises NoRoom."""
    if not ephemeral_range:
        return
    lowest, highest = map(int, ephemeral_range.split())
    there_are, needed = highest - lowest + 1, connections + SPARE_PORTS
    if needed > there_are:
        raise NoRoom(
            f"{connections} connections need {needed} ephemeral ports, there are {there_are} "
            f"({EPHEMERAL_RANGE}: {lowest} to {highest}); sysctl net.ipv4.ip_local_port_range='1024 65535' gives 64512"
        )


def choose_cores(there_are: Set[int], shared: bool) -> Cores:
    """Give server and clients a core each. Raises NoRoom when there is only one, unless sharing it is accepted."""
    if shared:
        return Cores(None, None)
    if len(there_are) < 2:
        raise NoRoom(
            f"server and clients need a core each, 2 in all; this process may use {len(there_are)}. "
            "With --shared-core they share it: each then also measures the other"
        )
    server, clients = sorted(there_are)[:2]
    return Cores(server, clients)


@contextmanager
def pinned(core: int | None) -> Iterator[None]:
    """Processes started inside run on this core only; None: on any core."""
    before = os.sched_getaffinity(0)
    if core is not None:
        os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
