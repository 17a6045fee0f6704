"""A folder that belongs to one process as long as it lives, and that its successor removes if it was killed.

Owns where such folders lie, their names and their locks. Refuses to know what is in them.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
import secrets
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger("ebb")

ROOMY_BYTES = 256 * 1024 * 1024  # a container's /dev/shm has 64 MiB, which a log can fill


class PrivateFolder:
    """A folder for this user only, at `path`. `make` it, and `remove` it, once or more often."""

    def __init__(self) -> None:
        self.path = roomy_folder() / f"ebb-{secrets.token_hex(6)}"
        self._lock: int | None = None

    def make(self) -> None:
        """Make it, if it is not there, and remove those of owners that were killed. Raises OSError."""
        if self._lock is not None:
            return
        sweep(self.path.parent)
        self.path.mkdir(mode=0o700)
        self._lock = os.open(self.path / "new", os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        os.rename(self.path / "new", self.path / "lock")

    def remove(self) -> None:
        """Remove it with everything in it, if it was made."""
        if self._lock is not None:
            shutil.rmtree(self.path, ignore_errors=True)
            os.close(self._lock)
            self._lock = None


def roomy_folder() -> Path:
    """Choose where folders of ours lie: in memory if there is room, else among the temporary files."""
    memory, temporary = Path("/dev/shm"), Path(tempfile.gettempdir())
    if memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= ROOMY_BYTES:
        return memory
    return temporary if len(str(temporary)) < 80 else Path("/tmp")  # a socket's path has room for about 100


def sweep(parent: Path) -> None:
    """Remove the folders of owners that were killed: nobody holds their lock any more.

    What is there under the name of a lock and is none of ours is left alone: opening a FIFO would wait for ever.
    """
    for lock in parent.glob("ebb-*/lock"):
        with contextlib.suppress(OSError), regular_file(lock) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)


@contextlib.contextmanager
def regular_file(path: Path) -> Iterator[int]:
    """Open a regular file of this user for the context, without waiting for anybody. Raises OSError."""
    file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            logger.warning("%s is no lock of ours, and is left alone", path)
            raise FileNotFoundError(path)
        yield file
    finally:
        os.close(file)
