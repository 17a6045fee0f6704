"""Runs the harness like a person or a CI: with its command line, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIME_LIMIT_S = 240  # all tellings may take this long
TELLINGS = 5  # beside three other tests one of eight tellings is disturbed; of sixty runs one would be three times


@dataclass(frozen=True)
class Run:
    """The result of a run: exit status, printed output, and the JSON report."""

    status: int
    output: str
    report: dict[str, Any]

    @property
    def verdicts(self) -> dict[int, str]:
        return {clause["id"]: clause["verdict"] for clause in self.report["clauses"]}

    @property
    def busy(self) -> set[int]:
        """The clauses that are unknown because the machine was busy, each time that it was told."""
        return {clause["id"] for clause in self.report["clauses"] if clause.get("busy")}

    def claims(self, verdict: str) -> set[str]:
        return {claim["name"] for claim in self.report.get("claims", []) if claim["verdict"] == verdict}

    def clauses(self, verdict: str) -> set[int]:
        return {clause for clause, actual in self.verdicts.items() if actual == verdict}


def harness(folder: Path, *arguments: str) -> Run:
    """Run `python -m harness ARGUMENTS --json ...`; the target's command, if any, comes after `--`."""
    report = folder / "report.json"
    what, *options = arguments
    at = options.index("--") if "--" in options else len(options)
    ours = ("--tellings", str(TELLINGS), *options[:at], "--json", str(report))
    command = [sys.executable, "-m", "harness", what, *ours, *options[at:]]
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT_S, check=False)
    return Run(
        done.returncode,
        done.stdout + done.stderr,
        json.loads(report.read_text()) if report.exists() else {"clauses": []},
    )
