"""uvicorn's class for HTTP, with bounds on what it takes of a request before an application is asked.

Owns the size of a request's head, the number of its headers (431, RFC 6585 section 5), and the time that a head and a
body may take to arrive (408, RFC 9110 section 15.5.9); each ends the connection. uvicorn has none of these: a head
without end is kept as long as it goes on. Owns also that a request names its host once, which uvicorn's parser does not
look at. Refuses to know what is asked, and how large a body may be: who reads it decides.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ..limits.tally import LimitReason
from .handshake import response
from .shared import Shared, who_of

VERSIONS = ("1.0", "1.1")
TOO_LARGE = (HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, LimitReason.HEAD)
NOT_HTTP = (HTTPStatus.BAD_REQUEST, LimitReason.HTTP)


class Http(HttpToolsProtocol):
    """One TCP connection that speaks HTTP, whether or not it asks for a WebSocket in the end."""

    def __init__(self, shared: Shared, **more: Any) -> None:
        super().__init__(**more)
        self._shared = shared
        self._head_left = shared.bounds.head_bytes
        self._in_body = False
        self._complaint: tuple[HTTPStatus, LimitReason, str] | None = None

    def data_received(self, data: bytes) -> None:
        """Take some bytes; of a head, no more than there is room for."""
        while data and self.transport.get_protocol() is self and not self.transport.is_closing():
            size = len(data) if self._in_body else self._head_left
            taken, data = data[:size], data[size:]
            if not self._in_body:
                self._head_left -= len(taken)
            super().data_received(taken)
            if not (self._in_body or self._head_left):
                limit = self._shared.bounds.head_bytes
                self._refuse(*TOO_LARGE, f"request head of at least {limit + len(data)} bytes, limit {limit}")

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget it."""
        self._shared.deadlines.settle(self)
        super().connection_lost(exc)

    # ---- What uvicorn's parser finds ----

    def on_message_begin(self) -> None:
        """Bound the time of a head."""
        super().on_message_begin()
        self._shared.deadlines.expect(self, self._shared.bounds.head_s)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Bound the number of headers."""
        super().on_header(name, value)
        if len(self.headers) > (limit := self._shared.bounds.headers):
            self._complain(*TOO_LARGE, f"request with at least {len(self.headers)} headers, limit {limit}")

    def on_headers_complete(self) -> None:
        """Refuse what HTTP/1.1 refuses (RFC 9112, 2.3 and 3.2); bound the time of a body."""
        version, hosts = self.parser.get_http_version(), [name for name, _ in self.headers].count(b"host")
        if version not in VERSIONS:
            self._complain(*NOT_HTTP, f"HTTP version {version} is not served, 1.1 is")
        if hosts > 1 or (hosts == 0 and version == "1.1"):
            self._complain(*NOT_HTTP, f"host must be there once, and is {hosts} times")
        self._head_left = self._shared.bounds.head_bytes
        self._in_body = True
        self._shared.deadlines.expect(self, self._shared.bounds.body_s)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """It has arrived."""
        self._in_body = False
        self._shared.deadlines.settle(self)
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, or not within the bounds."""
        self._refuse(*(self._complaint or (*NOT_HTTP, msg)))

    # ---- The end ----

    def overdue(self) -> None:
        """A head or a body has not arrived in time; a body may wait for the application, too."""
        bounds = self._shared.bounds
        if not self._in_body:
            detail = f"request head incomplete after {bounds.head_s:g} s"
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, LimitReason.HEAD_TIME, detail)
        elif self.flow.read_paused:
            self._shared.deadlines.expect(self, bounds.body_s)
        else:
            detail = f"request body incomplete after {bounds.body_s:g} s"
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, LimitReason.BODY_TIME, detail)

    def _complain(self, status: HTTPStatus, reason: LimitReason, detail: str) -> None:
        """End the parser, which has `send_400_response` called."""
        self._complaint = (status, reason, detail)
        raise ValueError(detail)

    def _refuse(self, status: HTTPStatus, reason: LimitReason, detail: str) -> None:
        """Answer, unless another answer is under way; and end the connection."""
        self._shared.count(reason, who_of(self.transport), detail)
        under_way = self.cycle is not None and not self.cycle.response_complete
        if not under_way or (self._in_body and not self.cycle.response_started):
            headers = self._shared.state.default_headers
            self.transport.write(response(status, headers, f"{detail}\n".encode()))
        self.transport.close()
