"""Ebb passes clause 31 with ten thousand clients, and a server that leaks memory while it drains fails it."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest

from tests.scenarios.harness_runs import harness
from tests.scenarios.test_specimens import BY_LOAD, SPECIMENS, catch

_, AT_MOST = resource.getrlimit(resource.RLIMIT_NOFILE)
TOO_FEW = AT_MOST != resource.RLIM_INFINITY and AT_MOST < 11_000

pytestmark = [
    pytest.mark.load,
    pytest.mark.timeout(300),
    pytest.mark.skipif(TOO_FEW, reason=f"needs 11000 open files, the limit is {AT_MOST} (ulimit -Hn)"),
]


def test_the_reference_server_fails_no_clause(tmp_path: Path):
    run = harness(tmp_path, "run", "ten_thousand")

    assert run.clauses("fail") == set(), run.output
    (light,) = [clause for clause in run.report["clauses"] if clause["id"] == 31]
    judged = light["verdict"] == "pass" or light.get("busy")  # 25 ms are too much for it
    assert judged, run.output


@pytest.mark.parametrize("name", BY_LOAD)
def test_a_specimen_fails_exactly_the_clauses_written_beside_it(name: str, tmp_path: Path):
    run = catch(name, tmp_path, base="uvicorn")

    assert run.clauses("fail") == SPECIMENS[name]["FAILS"], run.output
