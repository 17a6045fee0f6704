"""Draws the table of all metrics, from what the server exports: `python -m docs.metrics`.

Owns how a metric is described in one line, and the table in `docs/metrics.md`, which the command writes anew and a test
compares. The same families are what the dashboard and the alert rules may ask for (`tests/test_grafana.py`).
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from fastapi.testclient import TestClient
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from server.app import create_app
from server.settings import Settings

PAGE = Path(__file__).with_name("metrics.md")
BLOCK = r"(?<=<!-- metrics -->\n).*?(?=<!-- end -->)"
HEAD = "| metric | type | unit | labels | what it says |\n|---|---|---|---|---|\n"
OF_SEVERAL = ("worker", "process")  # every sample has them where several processes share a port


def exposition() -> str:
    """What a worker of several exports."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(notify_interval_s=0, metrics_dir=folder, worker=1)
        with TestClient(create_app(settings)) as client:
            return client.get("/metrics").text


def families() -> list[Metric]:
    """The same, read."""
    return list(text_string_to_metric_families(exposition()))


def rows() -> Iterator[str]:
    """One row for each metric, by its name as it is exported."""
    for family in families():
        name = f"{family.name}_total" if family.type == "counter" else family.name
        unit = next((unit for unit in ("seconds", "bytes") if unit in name.split("_")), "")
        yield f"| `{name}` | {family.type} | {unit} | {labels_of(family)} | {family.documentation} |\n"


def labels_of(family: Metric) -> str:
    """The labels by which its samples differ, each with its values."""
    values: dict[str, dict[str, None]] = {}
    for sample in family.samples:
        for label, value in sample.labels.items():
            if label not in (*OF_SEVERAL, "le"):
                values.setdefault(label, {})[value] = None
    return "; ".join(f"`{label}`: {', '.join(those)}" for label, those in values.items())


def drawn(page: str) -> str:
    """The page with the table as it should be."""
    return re.sub(BLOCK, lambda _: HEAD + "".join(rows()), page, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text()))
