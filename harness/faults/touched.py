"""A source file that changes under a target that reloads itself: a stop without a signal.

t0 is when the file was changed. A parent process watches the file and tells the serving process to stop; the terms
allow for that as the parent's delay.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from ..targets.target import Target

NAME = "touched.py"


@contextmanager
def source_touched(target: Target) -> Iterator[None]:
    """Inside, a file in the target's folder has changed; on leaving it is gone."""
    file = target.folder / NAME
    target.history.record(time.monotonic(), "target", "cause", cause="reload")
    file.write_text(f"changed_at = {time.time()}\n")
    try:
        yield
    finally:
        file.unlink()
