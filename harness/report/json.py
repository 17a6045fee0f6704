"""The report for programs: one JSON object a scenario, one list of them where several were run.

Owns the field names: `target`, `scenario`, `seed`, `clauses`, `timeline` (seconds relative to t0; of several hosts, of
each relative to the beginning of the load), `exit` (that of the harness: 0, 1 or 2) and `status` (that of the target).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..run import Outcome
from .timeline import hosts_timeline, timeline


def report(outcome: Outcome) -> dict[str, Any]:
    """One outcome as plain data."""
    return {
        "target": outcome.profile.title,
        "scenario": outcome.scenario.name,
        "seed": outcome.ask.seed,
        "clauses": [
            {
                "id": ruling.id,
                "name": ruling.name,
                "verdict": str(ruling.verdict),
                "evidence": ruling.evidence,
            }
            for ruling in outcome.rulings
        ],
        "timeline": hosts_timeline(outcome.history) or timeline(outcome.history),
        "exit": outcome.exit_code,
        "status": outcome.status,
    }


def write(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write the report of one outcome, or the list of several. Raises OSError where it cannot."""
    reports = [report(outcome) for outcome in outcomes]
    path.write_text(json.dumps(reports[0] if len(reports) == 1 else reports, indent=2) + "\n")
