"""Recordings of the healthy reference server: one run of each scenario in a test session, by the first worker.

Owns the files that the workers of a session share, and which run is good enough: one that passes every clause of its
scenario with nothing excused. Refuses to know which faults are put into it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest

from harness.clauses import Ruling, Verdict, judge
from harness.history.record import History
from harness.scenarios import SCENARIOS
from tests.scenarios.harness_runs import TELLINGS, harness
from tests.specimens.recordings.recording import Recording

CLIENTS = "80"


def shared_folder(factory: pytest.TempPathFactory) -> Path:
    """The temporary folder of the whole session, which has a folder for each worker of xdist."""
    own = factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@cache
def recording_of(scenario: str, folder: Path) -> Recording:
    """The recording of a scenario; fails the test if no run was good enough. Others wait while one records it."""
    kept = folder / f"{scenario}.jsonl"
    with (folder / f"{scenario}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not kept.exists():
            record(scenario, kept)
    return load(kept)


def load(file: Path) -> Recording:
    """The last run in a file, which has one run for each telling."""
    with file.open() as lines:
        return Recording.of(History.load(lines)[-1])


def record(scenario: str, kept: Path) -> None:
    folder = kept.with_suffix("")
    folder.mkdir()
    target = "workers" if SCENARIOS[scenario].workers else "uvicorn"
    said = []
    for attempt in range(TELLINGS):
        told = folder / f"{attempt}.jsonl"
        options = ("--clients", CLIENTS, "--timeout", "2", "--tellings", "1", "--target", target)
        run = harness(folder, "run", scenario, *options, "--history", str(told))
        if told.exists() and not (flaws := not_passed(rulings_of(scenario, load(told)))):
            told.rename(kept)
            return
        said += [run.output, *flaws] if told.exists() else [run.output]
    pytest.fail("\n".join(["no run of the healthy server was good enough:", *said]))


def rulings_of(scenario: str, recording: Recording) -> list[Ruling]:
    """The verdicts of a scenario's judges on a recording, as after a run."""
    return judge(recording.history, SCENARIOS[scenario].clauses)


def not_passed(rulings: Sequence[Ruling]) -> list[str]:
    return [f"{one.id} {one.verdict}: {one.evidence}" for one in rulings if one.verdict is not Verdict.PASS]


def clauses(rulings: Sequence[Ruling], verdict: Verdict) -> set[int]:
    return {ruling.id for ruling in rulings if ruling.verdict is verdict}
