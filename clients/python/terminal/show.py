"""What is shown while a command runs: messages on the output, all else on the error output."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from rich.console import Console

from ..events import Status
from ..wire import Message

SHOWN_EVERY_S = 0.5
LINE_EVERY_S = 10.0  # where no person looks at a terminal


def line_of(message: Message, as_json: bool = False) -> str:
    """A message as one line. What could steer a terminal is escaped."""
    if as_json:
        said = {"seq": message.seq, "room": message.room, "from": message.sender, "data": message.data}
        return json.dumps(said | {"at": message.at})
    text = message.data if isinstance(message.data, str) else json.dumps(message.data, ensure_ascii=False)
    who = message.sender or "server"
    where = f" in {message.room}" if message.room is not None else ""
    return harmless(f"{message.seq} {who}{where}: {text}")


def harmless(text: str) -> str:
    """A text without line ends and control characters."""
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


class StatusLines:
    """Says on the error output what happens to a client's connection."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = urls
        self._begun = False

    def __call__(self, status: Status) -> None:
        """Show it, unless it is the first connection."""
        where = self._urls[status.place]
        texts = {
            "connected": f"connected to {where}",
            "moved": f"moved to {where}",
            "draining": f"{where} drains; moving in {status.wait_s:.1f} s",
            "cut": f"{where}: {status.reason}; connecting again in {status.wait_s:.1f} s",
            "refused": f"{where}: {status.reason}; trying again in {status.wait_s:.1f} s",
        }
        if self._begun:
            print(f"-- {harmless(texts[status.what])}", file=sys.stderr, flush=True)
        self._begun = self._begun or status.what == "connected"


@asynccontextmanager
async def progress(describe: Callable[[], str]) -> AsyncIterator[None]:
    """Show what `describe` says: in place on a terminal, else as a line every ten seconds."""
    console = Console(stderr=True)
    shown = console.status(describe()) if console.is_terminal else None

    async def watch() -> None:
        while True:
            await asyncio.sleep(SHOWN_EVERY_S if shown else LINE_EVERY_S)
            if shown:
                shown.update(describe())
            else:
                print(describe(), file=sys.stderr, flush=True)

    watching = asyncio.create_task(watch())
    if shown:
        shown.start()
    try:
        yield
    finally:
        watching.cancel()
        if shown:
            shown.stop()
