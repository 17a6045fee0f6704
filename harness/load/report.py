"""The bench's report for people: progress while it runs, a line for each run, then the tables.

Owns what is printed. On a terminal progress is one line that changes; piped, there is a line for each turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.text import Text

from ..targets.target import TargetFailed
from .figures import FIGURES, Measured, Spread, ratios, spreads
from .room import Cores
from .servers import Server

IN_SHORT = {"fanout_per_s": "frames/s", "last_p50_ms": "ms to the last client", "bytes_per_connection": "kB each"}


class LoadReport:
    """Prints to one stream."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._console = Console(file=stream, highlight=False, markup=False, soft_wrap=True)

    def begin(self, servers: Sequence[Server], cores: Cores, clients_are: str) -> None:
        """Say what is about to be measured, where, and with what."""
        for server in servers:
            self._console.print(f"{server.name}: {server.profile.title}")
        where = "they share their cores: each also measures the other"
        if cores.server is not None:
            where = f"servers on core {cores.server}, clients on core {cores.clients}"
        self._console.print(f"{where}; clients: {clients_are}")

    def note(self, text: str | None) -> None:
        """Print something that a reader of the figures should know."""
        if text:
            self._console.print(f"note: {text}")

    @contextmanager
    def turn(self, title: str) -> Iterator[Callable[[str], None]]:
        """One run of one server; yields a function that shows which phase has begun."""
        if not self._console.is_terminal:
            self._console.print(title)
            yield lambda _: None
            return
        with Live(console=self._console, auto_refresh=False, transient=True) as live:
            yield lambda phase: live.update(Text(f"{title}: {phase}"), refresh=True)

    def show(self, measured: Measured) -> None:
        """The main figures of one run, in one line, and what went wrong in it."""
        shown = [
            f"{FIGURES[n].show(measured.figures[n])} {unit}" for n, unit in IN_SHORT.items() if n in measured.figures
        ]
        self._console.print(f"  {measured.server} {measured.run}: {', '.join(shown) or 'no fan-out'}")
        for note in measured.notes:
            self._console.print(Text(f"  {measured.server} {measured.run}: {note}", style="yellow"))

    def conclude(self, measured: Sequence[Measured], servers: Sequence[str], counts: Sequence[int]) -> None:
        """The medians, and the ratios to the first server."""
        for clients in counts:
            there = [name for name in servers if spreads(measured, name, clients)]
            if not there:
                continue
            most_runs = max(one.run for one in measured if one.clients == clients)
            self._console.print(f"\n{clients} clients, median of {most_runs} runs (least to most)")
            self._print_table({name: _figures(spreads(measured, name, clients)) for name in there})
            others = {f"{there[0]} / {name}": ratios(measured, there[0], name, clients) for name in there[1:]}
            if any(others.values()):
                self._console.print(f"\n{clients} clients, ratios taken run by run: median (least to most)")
                self._print_table({name: _ratios(found) for name, found in others.items()})
            for name in there:
                self._console.print(f"{name} closed with {_codes(measured, name, clients)}")

    def show_failure(self, failure: TargetFailed) -> None:
        """Why a server did not come up."""
        for line in failure.tail:
            self._console.print(f"  | {line}")
        self.complain(f"a server did not start: {failure.reason}; log: {failure.log}")

    def complain(self, reason: str) -> None:
        """One line that says why there are no figures, or no more."""
        self._console.print(Text(f"harness: {reason}", style="bold red"))

    def _print_table(self, columns: Mapping[str, Mapping[str, str]]) -> None:
        rows = [["", *columns]]
        rows += [
            [figure.label, *(cells.get(name, "-") for cells in columns.values())]
            for name, figure in FIGURES.items()
            if any(name in cells for cells in columns.values())
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for first, *rest in rows:
            cells = [cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True)]
            self._console.print("  ".join([first.ljust(widths[0]), *cells]).rstrip())


def _figures(found: Mapping[str, Spread]) -> dict[str, str]:
    return {name: _show(spread, FIGURES[name].show) for name, spread in found.items()}


def _ratios(found: Mapping[str, Spread]) -> dict[str, str]:
    return {name: _show(spread, lambda value: f"{value:.2f}") for name, spread in found.items()}


def _show(spread: Spread, show: Callable[[float], str]) -> str:
    if spread.least == spread.most:
        return show(spread.median)
    return f"{show(spread.median)} ({show(spread.least)} to {show(spread.most)})"


def _codes(measured: Sequence[Measured], name: str, clients: int) -> str:
    found: dict[str, int] = {}
    for one in measured:
        if (one.server, one.clients) == (name, clients):
            for code, count in one.codes.items():
                found[code] = found.get(code, 0) + count
    return ", ".join(f"{code}: {count}" for code, count in sorted(found.items())) or "no close code at all"
