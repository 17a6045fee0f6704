"""Draws what twenty clients see when a server is told to stop: the tutorial's, the same with one line, and Ebb's.

    python -m docs.side_by_side

Runs `harness drain` against each and draws one line for each client from the recorded history.
The result is in the README.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
from pathlib import Path

from harness.history.client import ClientView
from harness.history.drain import Drain
from harness.history.record import History

STEP_S = 0.2
START_S, STOP_S = -0.4, 7.0
CLIENTS = 20
GAP = 3
TUTORIAL = ("--", "{python}", "-m", "uvicorn", "tests.specimens.fastapi_tutorial:app", "--port", "{port}")
SERVERS = {
    "the tutorial's server": TUTORIAL,
    "with DrainMiddleware": ("--target", "tests/scenarios/cured.toml"),
    "Ebb": (),
}


def observe(*target: str) -> Drain:
    """Run the drain scenario and return the recorded drain."""
    with tempfile.TemporaryDirectory() as folder:
        record = Path(folder) / "history.jsonl"
        asked = f"--clients {CLIENTS} --timeout 3 --seed 7 --tellings 1 --history".split()
        command = [sys.executable, "-m", "harness", "drain", *asked, str(record), *target]
        subprocess.run(command, capture_output=True, timeout=60, check=False)
        (history,) = History.load(record.read_text().splitlines())
    assert history.drain is not None
    return history.drain


def line(seen: Drain, client: ClientView) -> str:
    """One client's life: `-` served, `!` notified, `<` left by itself, `#` closed by the server."""
    t0, gone_at = seen.t0, client.gone_at
    end_s = STOP_S if gone_at is None else gone_at - t0
    marks = {round((notice.t - t0 - START_S) / STEP_S): "!" for notice in client.notices}
    last = max([round((end_s - START_S) / STEP_S), *(slot + 1 for slot in marks)])
    marks[last] = "#" if client.left_at is None else "<"
    slots = round((STOP_S - START_S) / STEP_S)
    return "".join(marks.get(slot, "-" if slot < last else " ") for slot in range(slots)).rstrip()


def draw(seen: Drain) -> list[str]:
    """All clients of the crowd; those that stay longest come first."""
    crowd = [client for client in seen.connections if not client.name.startswith(("racer", "late-"))]
    return [line(seen, client) for client in sorted(crowd, key=lambda c: -(c.gone_at or 0.0))]


def panel(title: str, seen: Drain) -> list[str]:
    """The title, a time axis in seconds from t0, and the lines."""
    lines = draw(seen)
    zero, slots_per_s = round(-START_S / STEP_S), round(1 / STEP_S)
    seconds = range((max(map(len, lines)) - zero) // slots_per_s + 1)
    axis = " " * zero + "".join(str(second).ljust(slots_per_s) for second in seconds)
    return [title, axis.rstrip(), " " * zero + "SIGTERM", *lines]


def main() -> None:
    """Print the panels side by side."""
    panels = [panel(title, observe(*target)) for title, target in SERVERS.items()]
    widths = [max(map(len, lines)) + GAP for lines in panels]
    for row in itertools.zip_longest(*panels, fillvalue=""):
        print("".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main()
