"""The bench's report for programs: one JSON object.

Owns the field names: `servers` (commands by name), `machine`, `runs` (every figure of every run, with close codes and
notes), `medians` and `ratios`, each figure as `median`, `least` and `most`. A figure's unit is the end of its name.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .figures import Measured, Spread, ratios, spreads
from .room import Cores
from .servers import Server


def record(
    measured: Sequence[Measured], servers: Sequence[Server], counts: Sequence[int], clients_are: str, cores: Cores
) -> dict[str, Any]:
    """All results as plain data."""
    names = [server.name for server in servers]
    pairs = [(names[0], other, count) for count in counts for other in names[1:]]
    return {
        "servers": {server.name: server.profile.title for server in servers},
        "machine": {
            "cores": os.cpu_count(),
            "pinned": None if cores.server is None else asdict(cores),
            "kernel": platform.release(),
            "python": platform.python_version(),
            "clients_program": clients_are,
        },
        "runs": [asdict(one) for one in measured],
        "medians": [
            {"server": name, "clients": count, "figures": _plain(spreads(measured, name, count))}
            for count in counts
            for name in names
        ],
        "ratios": [
            {"of": of, "to": to, "clients": count, "figures": _plain(ratios(measured, of, to, count))}
            for of, to, count in pairs
        ],
    }


def write(
    path: Path,
    measured: Sequence[Measured],
    servers: Sequence[Server],
    counts: Sequence[int],
    clients_are: str,
    cores: Cores,
) -> None:
    """Write the record. Raises OSError."""
    path.write_text(json.dumps(record(measured, servers, counts, clients_are, cores), indent=2) + "\n")


def _plain(found: Mapping[str, Spread]) -> dict[str, Any]:
    return {name: asdict(spread) for name, spread in found.items()}
