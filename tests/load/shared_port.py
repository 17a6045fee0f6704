"""The reference server on a shared port, so that its successor listens there while it drains.

    python -m tests.load.shared_port PORT

The kernel distributes handshakes to both; the draining server refuses its share with 503.
"""

from __future__ import annotations

import socket
import sys

import uvicorn

listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
uvicorn.Server(uvicorn.Config("server.main:app")).run([listener])
