"""The server keeps what arrives of a request's head, however large it is and however long it takes."""

from __future__ import annotations

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from server.main import app as app
from server.protocol.http import Http

SCENARIO = "abuse"
FAILS = []
CLAIMS = {"memory-bounded"}


def wait(self):
    """A part of the fault: there is no time by which a head has arrived."""


Http.overdue = wait
Http.data_received = HttpToolsProtocol.data_received
Http.on_header = HttpToolsProtocol.on_header
