"""The command line: from its options to its exit status.

0: done; 1: `stress` found something lost, doubled or reordered; 2: bad usage, no connection, or it ended for good; 130
and 143: interrupted (Ctrl+C) or terminated, with what was measured until then. Every client has left by then.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
from collections.abc import Callable, Sequence

from ..errors import CannotConnect, ClientEnded
from .load import Load
from .options import parse
from .talk import Talk

FAILED, INTERRUPTED, TERMINATED = 2, 130, 143
PROG = "python -m clients.python"


def main(argv: Sequence[str] | None = None, prog: str = PROG) -> int:
    """Do what a command line says; return the exit status."""
    args = parse(sys.argv[1:] if argv is None else argv, prog)
    logging.getLogger("websockets").setLevel(logging.CRITICAL)  # its errors are in our words
    command: Talk | Load = Talk(args) if args.what in ("listen", "chat") else Load(args)
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            lines = runner.run(perform(command))
    except KeyboardInterrupt:
        return stopped(command, prog, "interrupted", INTERRUPTED)
    except asyncio.CancelledError:
        return stopped(command, prog, "terminated", TERMINATED)
    except BrokenPipeError:  # as with `| head`; the interpreter still flushes its buffer at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (CannotConnect, ClientEnded, OSError) as error:
        print(f"{prog}: {error}", file=sys.stderr)
        return FAILED
    for line in lines:
        print(line, flush=True)
    return command.status


async def perform(command: Talk | Load) -> list[str]:
    """Run it, and let SIGTERM cancel it."""
    me = asyncio.current_task()
    assert me is not None, "a coroutine runs in a task"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
    return await command.run()


def stopped(command: Talk | Load, prog: str, how: str, status: int) -> int:
    """Say what there is to say of what was not finished."""
    if isinstance(command, Load):
        for line in command.result()[1:]:
            print(line, flush=True)
    print(f"{prog}: {how}; {command.summary}", file=sys.stderr)
    return status


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop if it is installed: with it thousands of clients cost half the CPU."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
