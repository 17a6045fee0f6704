"""The report for programs: one JSON object a scenario, one list of them where several were run.

Owns the field names: `target`, `scenario`, `seed`, `clauses`, `timeline` (seconds relative to t0; of several hosts, of
each relative to the beginning of the load), `exit` (that of the harness: 0, 1 or 2), `status` (that of the target),
`level` (the asked one; of each clause its own, and whether it is `counted` for the exit), `known` (why a clause is
expected to fail), `starvation` (`recorded`, `none`, or why it could not be) and `tellings`: of each its `clauses`,
`seed`, `exit` and `status`, where `clauses` above are those of all of them. `busy`: unknown because the machine was.
`follows_from`: the clause whose failure explains this one; `to_do`: what to do about a failure; `clients`: of how
many a pass was seen, where it is about each of them. `claims`: what the scenario judges by name besides, if anything.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..clauses import Ruling
from ..clauses.levels import level_of, standing_of
from ..run import EXIT_CODES, Outcome, with_claims
from ..targets.declaration import Profile
from .timeline import hosts_timeline, starvation_of, timeline


def report(outcome: Outcome) -> dict[str, Any]:
    """One outcome as plain data."""
    return {
        "target": outcome.profile.title,
        "scenario": outcome.scenario.name,
        "seed": outcome.ask.seed,
        "level": outcome.profile.level,
        "clauses": [_clause(ruling, outcome.profile) for ruling in outcome.rulings],
        **({"claims": [_claim(ruling) for ruling in outcome.claims]} if outcome.claims else {}),
        "timeline": hosts_timeline(outcome.history) or timeline(outcome.history),
        "exit": outcome.exit_code,
        "status": outcome.status,
        "starvation": starvation_of(outcome.history),
        "tellings": [
            {
                "clauses": [_clause(ruling, outcome.profile) for ruling in telling.rulings],
                **({"claims": [_claim(ruling) for ruling in telling.claims]} if telling.claims else {}),
                "seed": outcome.ask.seed,
                "exit": EXIT_CODES[with_claims(standing_of(outcome.profile, telling.rulings), [telling])],
                "status": telling.status,
            }
            for telling in outcome.tellings
        ],
    }


def _claim(ruling: Ruling) -> dict[str, Any]:
    return {
        "name": ruling.name,
        "verdict": str(ruling.verdict),
        "evidence": ruling.evidence,
        **({"to_do": ruling.to_do} if ruling.to_do else {}),
        **({"busy": True} if ruling.busy else {}),
    }


def _clause(ruling: Ruling, profile: Profile) -> dict[str, Any]:
    known = profile.known.get(ruling.id)
    return {
        "id": ruling.id,
        "name": ruling.name,
        "level": level_of(ruling.id),
        "verdict": str(ruling.verdict),
        "counted": not standing_of(profile, [ruling]).remark(ruling.id),
        "evidence": ruling.evidence,
        **({"follows_from": ruling.follows_from} if ruling.follows_from is not None else {}),
        **({"to_do": ruling.to_do} if ruling.to_do else {}),
        **({"known": known.reason} if known else {}),
        **({"clients": ruling.clients} if ruling.clients else {}),
        **({"busy": True} if ruling.busy else {}),
    }


def write(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write the report of one outcome, or the list of several. Raises OSError where it cannot."""
    reports = [report(outcome) for outcome in outcomes]
    path.write_text(json.dumps(reports[0] if len(reports) == 1 else reports, indent=2) + "\n")
