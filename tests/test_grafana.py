"""The dashboard and the alert rules ask for what the server exports, and `promtool` agrees with them."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from docs import metrics
from server.settings import Settings
from tests.scenarios.needs import needs

ROOT = Path(__file__).parent.parent
GRAFANA = ROOT / "deploy" / "grafana"
ALERTS = [rule for group in yaml.safe_load((GRAFANA / "alerts.yml").read_text())["groups"] for rule in group["rules"]]
DASHBOARD = json.loads((GRAFANA / "dashboard.json").read_text())
OF_THE_SCRAPE = {"instance", "job"}  # labels that Prometheus adds
FREE = {*OF_THE_SCRAPE, *metrics.OF_SEVERAL, "le"}  # labels whose values nobody can list
PROMTOOL = needs("promtool", "prometheus")


@cache
def exported() -> dict[str, dict[str, set[str]]]:
    """The name of every sample that the server exports, with its labels and their values."""
    names: dict[str, dict[str, set[str]]] = {}
    for sample in (sample for family in metrics.families() for sample in family.samples):
        labels = names.setdefault(sample.name, {label: set() for label in OF_THE_SCRAPE})
        for label, value in sample.labels.items():
            labels.setdefault(label, set()).add(value)
    return names


def complaints(query: str) -> list[str]:
    """What a query asks for that the server does not export."""
    found: list[str] = []
    asked: set[str] = set()
    for name, matchers in re.findall(r"\b(ebb_\w+)(?:\{([^}]*)\})?", query):
        labels = exported().get(name)
        if labels is None:
            found.append(f"no metric {name}")
            continue
        asked |= set(labels)
        for label, values in re.findall(r'(\w+)\s*[=!]~?\s*"([^"]*)"', matchers):
            if label not in labels:
                found.append(f"{name} has no label {label}")
            elif label not in FREE:
                missing = set(values.split("|")) - labels[label]
                found += [f"{name} has no {label}={value}" for value in sorted(missing)]
    for grouping in re.findall(r"\b(?:by|without)\s*\(([^)]*)\)", query):
        found += [f"no label {label} to group by" for label in re.findall(r"\w+", grouping) if label not in asked]
    return found if asked or found else ["no metric at all"]


def queries(part: Any) -> Iterator[str]:
    """Every query in a part of the dashboard: of panels, annotations and variables."""
    if isinstance(part, dict):
        yield from (part[key] for key in ("expr", "definition") if key in part)
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from queries(each)


@pytest.mark.parametrize("query", list(queries(DASHBOARD)))
def test_the_dashboard_asks_for_what_the_server_exports(query: str):
    assert complaints(query) == []


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_an_alert_asks_for_what_the_server_exports_and_names_labels_that_it_has(alert: dict[str, Any]):
    assert complaints(alert["expr"]) == []
    kept = set(re.findall(r"\w+", " ".join(re.findall(r"\bby\s*\(([^)]*)\)", alert["expr"])))) - {"le"}
    assert set(re.findall(r"\$labels\.(\w+)", str(alert["annotations"]))) <= kept


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("rate(ebb_made_up_total[5m])", "no metric ebb_made_up_total"),
        ("ebb_fanout_seconds", "no metric ebb_fanout_seconds"),  # it is a histogram: _bucket, _sum, _count
        ("ebb_published", "no metric ebb_published"),
        ('ebb_phase{phase=~"serving|idle"}', "ebb_phase has no phase=idle"),
        ('ebb_connections{room="a"}', "ebb_connections has no label room"),
        ("sum by (reason) (ebb_connections)", "no label reason to group by"),
        ("vector(1)", "no metric at all"),
    ],
)
def test_a_query_for_what_there_is_not_is_found(query: str, complaint: str):
    assert complaints(query) == [complaint]


def test_a_query_of_the_dashboard_that_is_broken_is_found():
    text = (GRAFANA / "dashboard.json").read_text()
    broken = json.loads(text.replace("ebb_outbox_bytes", "ebb_outbox_kilobytes"))
    found = {complaint for query in queries(broken) for complaint in complaints(query)}
    assert found == {"no metric ebb_outbox_kilobytes"}


def test_every_metric_is_on_the_dashboard():
    asked = set(re.findall(r"\bebb_\w+", " ".join(queries(DASHBOARD))))
    without_a_panel = {
        family.name
        for family in metrics.families()
        if not {family.name, f"{family.name}_total", f"{family.name}_bucket"} & asked
    }
    assert without_a_panel == set()


def test_no_two_panels_of_the_dashboard_overlap_and_none_is_wider_than_the_page():
    taken: dict[tuple[int, int], str] = {}
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        for cell in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
            assert cell[0] < 24
            assert taken.setdefault(cell, panel["title"]) == panel["title"]
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_a_drain_is_too_long_only_after_the_default_drain_timeout():
    (alert,) = (alert for alert in ALERTS if alert["alert"] == "EbbDrainsTooLong")
    minutes = int(alert["for"].removesuffix("m"))
    assert Settings.model_fields["drain_timeout_s"].default < 60 * minutes
    assert f"{minutes} minutes" in metrics.PAGE.read_text()


def test_every_alert_is_documented_and_tested():
    page, tests = metrics.PAGE.read_text(), (GRAFANA / "alerts_test.yml").read_text()
    names = {alert["alert"] for alert in ALERTS}
    assert set(re.findall(r"^\| `(Ebb\w+)`", page, re.M)) == names
    assert set(re.findall(r"alertname: (\w+)", tests)) == names


@PROMTOOL
@pytest.mark.parametrize(("which", "file"), [("check", "alerts.yml"), ("test", "alerts_test.yml")])
def test_promtool_finds_nothing_wrong_with_the_rules(which: str, file: str):
    done = subprocess.run(["promtool", which, "rules", GRAFANA / file], capture_output=True, text=True, timeout=30)
    assert done.returncode == 0, done.stdout + done.stderr


@PROMTOOL
def test_promtool_finds_a_rule_that_is_wrong(tmp_path: Path):
    """What the tests above would say, if there were something to say."""
    for file in GRAFANA.glob("*.yml"):
        (tmp_path / file.name).write_text(file.read_text().replace("== 0", "== 2").replace("[10m]", "[10]"))
    done = [
        subprocess.run(["promtool", which, "rules", tmp_path / file], capture_output=True, timeout=30).returncode
        for which, file in (("check", "alerts.yml"), ("test", "alerts_test.yml"))
    ]
    assert done == [1, 1]


@PROMTOOL
def test_promtool_finds_nothing_wrong_with_what_the_server_exports():
    text = metrics.exposition()
    done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
