"""A SIGHUP to the parent's process group, while the parent starts a process.

Owns how it is held back. A process that was just forked is in our group until it has a session of its own, and a SIGHUP
to the group would end it (16 of 300 starts, with one signal a millisecond).
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator


@contextlib.contextmanager
def kept_from_hanging_up() -> Iterator[None]:
    """Hold SIGHUP back, here and in a process that is started inside, for which it stays blocked.

    Several may be started at once by asyncio, which forks before it first waits: so a fork is never past another one's
    end, and the end unblocks, where going back to what was before would block for ever.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGHUP})
