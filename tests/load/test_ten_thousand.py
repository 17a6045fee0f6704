"""Ebb passes clause 31 with ten thousand clients; a server that leaks memory while it drains fails it, and so does a
recording of Ebb with a fault in it.
"""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from harness.clauses import Verdict
from tests.scenarios.harness_runs import Run, harness
from tests.scenarios.recordings import clauses, load, not_passed, rulings_of
from tests.scenarios.test_specimens import BY_LOAD, SPECIMENS, catch
from tests.specimens.recordings import RECORDED
from tests.specimens.recordings.recording import Recording

SCENARIO = "ten_thousand"

_, AT_MOST = resource.getrlimit(resource.RLIMIT_NOFILE)
TOO_FEW = AT_MOST != resource.RLIM_INFINITY and AT_MOST < 11_000

pytestmark = [
    pytest.mark.load,
    pytest.mark.timeout(300),
    pytest.mark.skipif(TOO_FEW, reason=f"needs 11000 open files, the limit is {AT_MOST} (ulimit -Hn)"),
]


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Recording]:
    folder = tmp_path_factory.mktemp("healthy")
    run = harness(folder, "run", SCENARIO, "--history", str(folder / "history.jsonl"))
    return run, load(folder / "history.jsonl")


def test_the_reference_server_fails_no_clause(healthy: tuple[Run, Recording]):
    run, _ = healthy

    assert run.clauses("fail") == set(), run.output
    (light,) = [clause for clause in run.report["clauses"] if clause["id"] == 31]
    judged = light["verdict"] == "pass" or light.get("busy")  # 25 ms are too much for it
    assert judged, run.output


@pytest.mark.parametrize("name", BY_LOAD)
def test_a_specimen_fails_exactly_the_clauses_written_beside_it(name: str, tmp_path: Path):
    run = catch(name, tmp_path, base="uvicorn")

    assert run.clauses("fail") == SPECIMENS[name]["FAILS"], run.output


@pytest.mark.parametrize("name", [name for name, one in RECORDED.items() if one.scenario == SCENARIO])
def test_a_fault_in_the_recording_fails_exactly_the_clauses_written_beside_it(
    name: str, healthy: tuple[Run, Recording]
):
    _, recording = healthy
    specimen = RECORDED[name]
    without = clauses(rulings_of(SCENARIO, recording), Verdict.FAIL)  # two cores may have been too few for it
    rulings = rulings_of(SCENARIO, specimen.fault(recording))

    assert clauses(rulings, Verdict.FAIL) == specimen.fails | without, not_passed(rulings)
