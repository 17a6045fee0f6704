"""A process that is stopped for a while (SIGSTOP, SIGCONT): a laptop that sleeps, a virtual machine that is moved.

Nothing of it runs inside; its clock goes on. All of its processes are stopped, for a host stands still as a whole.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..targets.target import Target


@contextmanager
def frozen(target: Target) -> Iterator[None]:
    """Stop the target; on leaving it goes on."""
    target.history.record(time.monotonic(), "target", "frozen")
    target.nudge(signal.SIGSTOP, everyone=True)
    try:
        yield
    finally:
        target.history.record(time.monotonic(), "target", "thawed")
        target.nudge(signal.SIGCONT, everyone=True)
