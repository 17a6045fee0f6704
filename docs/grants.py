"""Writes what each platform and proxy must grant a stop into `deploy/`: `python -m docs.grants`.

Owns the sum and the places where it stands. The settings are those of `deploy/ebb.env`, the number of descriptors is
that of `deploy/Dockerfile`; everything else follows from them.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

from server.settings import PREFIX, Settings

ROOT = Path(__file__).parent.parent
ENV, DOCKERFILE, KUBERNETES = "deploy/ebb.env", "deploy/Dockerfile", "deploy/kubernetes/ebb.yaml"
PRE_STOP = r"preStop:\s+sleep: \{ seconds: (\d+) \}"
DESCRIPTORS = r'"--nofile=(\d+):\d+"'
ROUND_S = 10  # a grant is rounded up to so many seconds


def places(text_of: dict[str, str]) -> list[tuple[str, str, int]]:
    """The file, the pattern and the number of each place that follows from others."""
    descriptors = number(text_of[DOCKERFILE], DESCRIPTORS)
    budget_s = math.ceil(settings(text_of[ENV]).drain_terms.longest_s(descriptors) / ROUND_S) * ROUND_S
    units = [f"deploy/systemd/{name}.service" for name in ("ebb", "ebb-activated")]
    return [
        (ENV, rf"{PREFIX}STOP_BUDGET_S=(\d+)", budget_s),
        (DOCKERFILE, r'"--nofile=\d+:(\d+)"', descriptors),
        *((unit, r"TimeoutStopSec=(\d+)", budget_s) for unit in units),
        *((unit, r"LimitNOFILE=(\d+)", descriptors) for unit in units),
        ("deploy/compose.yaml", r"stop_grace_period: (\d+)s", budget_s),
        (KUBERNETES, r"terminationGracePeriodSeconds: (\d+)", budget_s + number(text_of[KUBERNETES], PRE_STOP)),
        ("deploy/nginx/nginx.conf", r"worker_shutdown_timeout (\d+)s", budget_s),
        ("deploy/haproxy/haproxy.cfg", r"hard-stop-after (\d+)s", budget_s),
    ]


def drawn(text_of: dict[str, str]) -> dict[str, str]:
    """The same files with the right numbers. A place that is missing raises ValueError."""
    text_of = dict(text_of)
    for file, pattern, right in places(text_of):
        at = found(text_of[file], pattern)
        text_of[file] = text_of[file][: at.start(1)] + f"{right}" + text_of[file][at.end(1) :]
    return text_of


def settings(env: str) -> Settings:
    """The settings that a file of environment variables makes. One that is not allowed raises ValueError."""
    pairs = [line.partition("=") for line in env.splitlines() if line.startswith(PREFIX)]
    return Settings(**{name.removeprefix(PREFIX).lower(): value for name, _, value in pairs})  # type: ignore[arg-type]


def number(text: str, pattern: str) -> int:
    """The number that stands there."""
    return int(found(text, pattern)[1])


def found(text: str, pattern: str) -> re.Match[str]:
    """The one place of a pattern."""
    (at,) = re.finditer(pattern, text)
    return at


def files() -> dict[str, str]:
    """The text of every file of `deploy/`, by its path."""
    every = (path for path in (ROOT / "deploy").rglob("*") if path.is_file() and "grafana" not in path.parts)
    return {path.relative_to(ROOT).as_posix(): path.read_text() for path in sorted(every)}


if __name__ == "__main__":
    for file, text in drawn(files()).items():
        (ROOT / file).write_text(text)
