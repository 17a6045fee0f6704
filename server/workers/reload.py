"""`--reload`: the workers are replaced when a source file has changed, as by SIGHUP.

Owns which changes count. Refuses to know how workers are replaced: a new one serves before the old one is retired, so
that clients which resume miss nothing, and one that cannot start leaves the old one where it is. Modules of the parent
itself (the launcher, `workers`) take a new start.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from watchfiles import Change, DefaultFilter, awatch

logger = logging.getLogger("ebb")

SOURCES = {".py", ".html", ".js", ".css"}


class Sources(DefaultFilter):
    """Changes of source files, where people write them: not in `.venv`, `.git`, `node_modules` and the like."""

    def __call__(self, change: Change, path: str) -> bool:
        """Does this change count?"""
        return Path(path).suffix in SOURCES and super().__call__(change, path)


@contextlib.asynccontextmanager
async def reloading(folder: Path, reload: Callable[[], None]) -> AsyncIterator[None]:
    """Call `reload` whenever source files in `folder` have changed, once for those that change together."""
    over = asyncio.Event()

    async def watch() -> None:
        async for changes in awatch(folder, watch_filter=Sources(), stop_event=over):
            names = {Path(path).name for _, path in changes}
            logger.info("changed: %s", ", ".join(sorted(names)))
            reload()

    watching = asyncio.create_task(watch())
    try:
        yield
    finally:
        over.set()
        await watching
