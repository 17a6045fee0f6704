"""`load`: from its options to its exit code.

Owns the turns (A B C A B C ...), and ends what was started, whatever happens. Exit status: 0 measured; 2 not possible;
130 and 143 interrupted, with what was measured until then.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from ..targets.target import Target, TargetFailed
from . import plot, record
from .clients import Clients, ClientsFailed
from .figures import Measured
from .options import plans_of, servers_of, without_limit
from .plan import Plan
from .programs import DoesNotCompile, build
from .report import LoadReport
from .room import Cores, NoRoom, choose_cores, make_room, pinned
from .servers import LIMIT, Server
from .session import Session, new_history

MEASURED, UNMEASURED, INTERRUPTED, TERMINATED = 0, 2, 130, 143
OTHER_CONNECTIONS = 8
PICOWS = (sys.executable, "-m", f"{__package__}.picows_client")
NO_CLIENTS = "there is no C compiler for the clients (cc, gcc, clang), and no picows: pip install 'ebb[bench]'"
NO_LIMIT = "no C compiler (cc, gcc, clang): the limit cannot be built, so there is no ratio to it"


class Bench:
    """What is measured, with which clients, and the results."""

    def __init__(self, args: argparse.Namespace, report: LoadReport) -> None:
        self.args = args
        self.report = report
        self.servers = servers_of(args)
        self.plans = plans_of(args)
        self.measured: list[Measured] = []
        self.clients_are = "none"
        self.cores = Cores(None, None)

    async def run(self) -> None:
        """Measure. Raises NoRoom, DoesNotCompile, TargetFailed, ClientsFailed or OSError."""
        me = asyncio.current_task()
        assert me is not None, "a coroutine runs in a task"
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)
        self.cores = choose_cores(os.sched_getaffinity(0), self.args.shared_core)
        most = self.plans[-1]
        self.report.note(make_room(most.clients + most.echoers + OTHER_CONNECTIONS))
        with tempfile.TemporaryDirectory(prefix="ebb-load-") as folder, pinned(self.cores.clients):
            programs = build(("client", "limit"), Path(folder))
            program = self._choose_clients(programs)
            if LIMIT not in programs and len(without_limit(self.servers)) < len(self.servers):
                self.report.note(NO_LIMIT)
                self.servers = without_limit(self.servers)
            self.report.begin(self.servers, self.cores, self.clients_are)
            for plan in self.plans:
                for number in range(1, self.args.runs + 1):
                    for server in self.servers:
                        await self._measure(server, plan, number, program, programs)

    def _choose_clients(self, programs: dict[str, Path]) -> Sequence[str]:
        asked = self.args.with_clients
        if "client" in programs and asked != "picows":
            self.clients_are = "c"
            return (str(programs["client"]),)
        if asked == "c":
            raise NoRoom("there is no C compiler for the clients (cc, gcc, clang)")
        if importlib.util.find_spec("picows") is None:
            raise NoRoom(NO_CLIENTS)
        self.clients_are = "picows"
        return PICOWS

    async def _measure(
        self, server: Server, plan: Plan, number: int, program: Sequence[str], programs: dict[str, Path]
    ) -> None:
        words = {name: str(path) for name, path in programs.items()}
        with self.report.turn(
            f"{plan.clients} clients, run {number} of {self.args.runs}, {server.name}"
        ) as show_progress:
            session = Session(server, plan, show_progress)
            target = Target(server.profile, new_history(server.profile), server.environment, words)
            async with AsyncExitStack() as running:
                with pinned(self.cores.server):
                    await running.enter_async_context(target)
                clients = Clients(program, target.port, plan.deflate, self.cores.clients)
                await session.measure(target, await running.enter_async_context(clients))
            figures, codes, notes = session.figures, session.codes, session.notes
        self.measured.append(Measured(server.name, plan.clients, number, figures, codes, notes))
        self.report.show(self.measured[-1])


def load(args: argparse.Namespace) -> int:
    """Do what the command line says; return the exit code."""
    report = LoadReport()
    bench = Bench(args, report)
    status = UNMEASURED
    try:
        asyncio.run(bench.run())
        status = MEASURED
    except KeyboardInterrupt:
        status = INTERRUPTED
        report.complain("interrupted; what was started has been ended")
    except asyncio.CancelledError:
        status = TERMINATED
        report.complain("terminated; what was started has been ended")
    except TargetFailed as failure:
        report.show_failure(failure)
    except (NoRoom, DoesNotCompile, ClientsFailed, OSError) as error:
        report.complain(str(error))
    names, counts = [server.name for server in bench.servers], [plan.clients for plan in bench.plans]
    if bench.measured:
        report.conclude(bench.measured, names, counts)
        if args.json:
            record.write(args.json, bench.measured, bench.servers, counts, bench.clients_are, bench.cores)
        if args.plot:
            plot.write(args.plot, bench.measured, names, counts)
    return status
