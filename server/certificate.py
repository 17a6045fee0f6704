"""The certificate of a process that serves over TLS: checked at the start, and read again when its files have changed.

Owns the two files, and how long a client may take to be shown one. Refuses to know who is served.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from types import FrameType
from typing import Any
from weakref import ref

import uvicorn

from .limits.tally import LimitReason

logger = logging.getLogger("ebb")


def check_certificate(certificate: str | None, key: str | None) -> None:
    """Exit with status 1 and one line if these files cannot be used; uvicorn would end in a traceback."""
    if certificate is None and key is None:
        return
    try:
        _read(certificate, key)
    except OSError as error:
        raise SystemExit(
            f"cannot serve over TLS with --ssl-certfile {certificate} --ssl-keyfile {key}: {error}"
        ) from None


def _read(certificate: str | None, key: str | None) -> None:
    """Raise OSError for files that cannot be used, or do not belong together."""
    if certificate is None:
        raise OSError("--ssl-certfile is missing")
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)


class Handshake(asyncio.Protocol):
    """A connection that has yet to complete its TLS handshake. Then `make` makes what it is."""

    __slots__ = ("__weakref__", "_make")

    def __init__(self, make: Callable[[], asyncio.Protocol]) -> None:
        self._make = make

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is complete."""
        protocol = self._make()
        transport.set_protocol(protocol)
        protocol.connection_made(transport)


def bound_handshakes(loop: asyncio.AbstractEventLoop, timeout_s: float, count: Callable[[str, str, str], None]) -> None:
    """Have a TLS handshake ended that is not complete in time, and counted. Before it listens.

    asyncio and uvloop wait for 60 s, and uvicorn passes no other time to them. They tell nobody of one that they end;
    so it is counted just before, if by then it was neither completed nor has failed. After both uvloop forgets the
    `Handshake`, and the task has ended in which asyncio has made it.
    """
    create: Any = loop.create_server

    def create_server(make: Callable[[], asyncio.Protocol], *given: Any, **more: Any) -> Any:
        if more.get("ssl") is None:
            return create(make, *given, **more)

        def begin() -> Handshake:
            handshake = Handshake(make)
            loop.call_later(timeout_s, look, ref(handshake), asyncio.current_task())
            return handshake

        more.setdefault("ssl_handshake_timeout", timeout_s)
        return create(begin, *given, **more)

    def look(handshake: ref[Handshake], accepting: asyncio.Task[None] | None) -> None:
        if handshake() is not None and not (accepting and accepting.done()):
            count(LimitReason.TLS_TIME, "a client", f"TLS handshake incomplete after {timeout_s:g} s")

    loop.create_server = create_server  # type: ignore[assignment, method-assign]


class Renewal:
    """A handler of SIGHUP: newcomers are shown the certificate that the files hold now; who is connected stays.

    Files that cannot be used are said so, and the former certificate stays.
    """

    def __init__(self, config: uvicorn.Config) -> None:
        self._config = config

    def __call__(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  # as signals are handled
        """Read the files again."""
        certificate, key = self._config.ssl_certfile, self._config.ssl_keyfile
        if self._config.ssl is None or certificate is None:
            return  # it has yet to read them for the first time
        try:
            _read(str(certificate), None if key is None else str(key))  # what is half loaded could not be undone
            self._config.ssl.load_cert_chain(certificate, key)
        except OSError as error:
            logger.error("the certificate stays as it was: %s cannot be used: %s", certificate, error)
        else:
            logger.info("the certificate was read again: %s", certificate)
