"""The report for programs: one JSON object a scenario, one list of them where several were run.

Owns the field names: `target`, `scenario`, `seed`, `clauses`, `timeline` (seconds relative to t0; of several hosts, of
each relative to the beginning of the load), `exit` (that of the harness: 0, 1 or 2), `status` (that of the target),
`starvation` (`recorded`, `none`, or why it could not be) and `tellings`: of each its `clauses`, `seed`, `exit` and
`status`, where `clauses` above are those of all of them. `busy`: unknown because the machine was.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..clauses import Ruling
from ..run import Outcome, exit_code_of
from .timeline import hosts_timeline, starvation_of, timeline


def report(outcome: Outcome) -> dict[str, Any]:
    """One outcome as plain data."""
    return {
        "target": outcome.profile.title,
        "scenario": outcome.scenario.name,
        "seed": outcome.ask.seed,
        "clauses": [_clause(ruling) for ruling in outcome.rulings],
        "timeline": hosts_timeline(outcome.history) or timeline(outcome.history),
        "exit": outcome.exit_code,
        "status": outcome.status,
        "starvation": starvation_of(outcome.history),
        "tellings": [
            {
                "clauses": [_clause(ruling) for ruling in telling.rulings],
                "seed": outcome.ask.seed,
                "exit": exit_code_of(telling.rulings),
                "status": telling.status,
            }
            for telling in outcome.tellings
        ],
    }


def _clause(ruling: Ruling) -> dict[str, Any]:
    fields = {"id": ruling.id, "name": ruling.name, "verdict": str(ruling.verdict), "evidence": ruling.evidence}
    return fields | ({"busy": True} if ruling.busy else {})


def write(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write the report of one outcome, or the list of several. Raises OSError where it cannot."""
    reports = [report(outcome) for outcome in outcomes]
    path.write_text(json.dumps(reports[0] if len(reports) == 1 else reports, indent=2) + "\n")
