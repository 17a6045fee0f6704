"""The growth as an SVG: a panel for each figure, a line for each server, the number of clients to the right.

Owns the drawing. Both axes are logarithmic. A median is a dot on its line, its spread a bar through it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

from .figures import FIGURES, Measured, Spread, spreads

PANELS = (
    *("fanout_per_s", "backlog_per_s", "last_p50_ms", "last_p99_ms"),
    *("bytes_per_connection", "handshakes_per_s", "echo_avg_us", "close_all_s"),
)
COLOURS = ("#0969da", "#cf222e", "#6e7781", "#1a7f37", "#8250df", "#bf8700")
ACROSS, WIDTH, HEIGHT = 2, 440, 250
LEFT, RIGHT, TOP, BOTTOM = 66, 24, 34, 34  # margins of a panel
LEGEND = 34

Curve = list[tuple[int, Spread]]


def write(path: Path, measured: Sequence[Measured], servers: Sequence[str], counts: Sequence[int]) -> None:
    """Draw the plot and write it. Raises OSError."""
    path.write_text(draw(measured, servers, counts))


def draw(measured: Sequence[Measured], servers: Sequence[str], counts: Sequence[int]) -> str:
    """The whole picture."""
    found = {(name, count): spreads(measured, name, count) for name in servers for count in counts}
    panels = []
    for figure in PANELS:
        curves = {
            name: [(count, found[name, count][figure]) for count in counts if figure in found[name, count]]
            for name in servers
        }
        if any(curves.values()):
            panels.append((figure, curves))
    width, height = ACROSS * WIDTH, LEGEND + math.ceil(len(panels) / ACROSS) * HEIGHT
    parts = [*_legend(servers)]
    for number, (figure, curves) in enumerate(panels):
        x, y = number % ACROSS * WIDTH, LEGEND + number // ACROSS * HEIGHT
        parts += [f'<g transform="translate({x} {y})">', *_panel(figure, curves, counts, servers), "</g>"]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}"'
            ' font-family="system-ui, sans-serif" font-size="11" fill="#24292f">',
            f'<rect width="{width}" height="{height}" fill="white"/>',
            *parts,
            "</svg>\n",
        ]
    )


def _legend(servers: Sequence[str]) -> Iterator[str]:
    for number, name in enumerate(servers):
        x = LEFT + number * 130
        yield f'<line x1="{x}" x2="{x + 18}" y1="18" y2="18" stroke="{_colour(number)}" stroke-width="2"/>'
        yield f'<text x="{x + 24}" y="22">{escape(name)}</text>'


def _panel(figure: str, curves: dict[str, Curve], counts: Sequence[int], servers: Sequence[str]) -> Iterator[str]:
    shown = FIGURES[figure]
    values = [v for curve in curves.values() for _, spread in curve for v in (spread.least, spread.most)]
    across = Scale(min(counts), max(counts), LEFT, WIDTH - RIGHT)
    up = Scale(min(values) / shown.scale, max(values) / shown.scale, HEIGHT - BOTTOM, TOP)
    yield f'<text x="{LEFT}" y="{TOP - 14}" font-weight="600">{escape(shown.label.strip())}</text>'
    for value in up.marks():
        y = up.at(value)
        yield f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#d0d7de"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{value:,.10g}</text>'
    for count in counts:
        yield f'<text x="{across.at(count):.1f}" y="{HEIGHT - 12}" text-anchor="middle">{count:,}</text>'
    for number, name in enumerate(servers):
        yield from _curve(curves[name], across, up, shown.scale, _colour(number))


def _curve(curve: Curve, across: Scale, up: Scale, scale: float, colour: str) -> Iterator[str]:
    points = [(across.at(count), up.at(spread.median / scale)) for count, spread in curve]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
    for (x, y), (_, spread) in zip(points, curve, strict=True):
        least, most = up.at(spread.least / scale), up.at(spread.most / scale)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{least:.1f}" y2="{most:.1f}" stroke="{colour}"/>'
        yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'


def _colour(number: int) -> str:
    return COLOURS[number % len(COLOURS)]


class Scale:
    """From a value to a position, by its logarithm. A value of 0 or less is drawn like the least value above 0."""

    def __init__(self, least: float, most: float, begin: float, end: float) -> None:
        self._least = math.log10(max(least, 1e-6))
        self._most = max(math.log10(max(most, 1e-6)), self._least)
        if self._most - self._least < 0.1:
            self._least, self._most = self._least - 0.2, self._most + 0.2
        self._begin, self._end = begin, end

    def at(self, value: float) -> float:
        """The position of a value."""
        part = (math.log10(max(value, 1e-6)) - self._least) / (self._most - self._least)
        return self._begin + part * (self._end - self._begin)

    def marks(self) -> list[float]:
        """Round values in this range: 1, 2 and 5 times a power of ten, or only 1 if those are too many."""
        powers = range(math.floor(self._least), math.ceil(self._most) + 1)
        steps = (1, 2, 5) if self._most - self._least < 2 else (1,)
        values = [step * 10.0**power for power in powers for step in steps]
        return [value for value in values if self._least <= math.log10(value) <= self._most]
