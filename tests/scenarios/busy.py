"""A busy machine: busy loops, which are ended by their pids, and end by themselves after two minutes."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

BUSY_LOOP = "import time\nuntil = time.monotonic() + 120\nwhile time.monotonic() < until: pass"


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Run `count` busy loops, each in its own session: the kernel shares the cores among sessions."""
    with ExitStack() as stack:
        for _ in range(count):
            loop = subprocess.Popen([sys.executable, "-c", BUSY_LOOP], start_new_session=True)
            stack.callback(loop.wait)
            stack.callback(loop.kill)
        yield
