"""A target that is stopped for a while (SIGSTOP, SIGCONT), as on a laptop that sleeps or a virtual machine that moves.

While it is stopped none of its code runs, but its clock goes on. All its processes are stopped, as when a host sleeps.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..targets.target import Target


@contextmanager
def frozen(target: Target) -> Iterator[None]:
    """Stop the target; on leaving, it continues."""
    target.history.record(time.monotonic(), "target", "frozen")
    target.nudge(signal.SIGSTOP, everyone=True)
    try:
        yield
    finally:
        target.history.record(time.monotonic(), "target", "thawed")
        target.nudge(signal.SIGCONT, everyone=True)
