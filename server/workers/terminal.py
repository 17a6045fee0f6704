"""The terminal that a process was started on, if any.

Owns the difference between a SIGHUP that somebody sent, and one that says that the terminal was closed.
"""

from __future__ import annotations

import os
import signal


class Terminal:
    """Make it at the start, before a handler for SIGHUP is in place."""

    def __init__(self) -> None:
        self._had = _is_there()
        self.outlived = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN  # as `nohup` wants it

    @property
    def closed(self) -> bool:
        """Whether there was one, and is no more."""
        return self._had and not _is_there()


def _is_there() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY))
    except OSError:
        return False
    return True
