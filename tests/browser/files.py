"""A folder, served to Chromium from loopback: modules cannot be imported from `file:`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from harness.probes.network import HOST


class Silent(SimpleHTTPRequestHandler):
    """Answers, and prints nothing about it."""

    def log_message(self, *_: object) -> None:
        """Do not write to standard error."""


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on a port of its own; yield its address, which ends with a slash."""
    with ThreadingHTTPServer((HOST, 0), partial(Silent, directory=folder)) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
