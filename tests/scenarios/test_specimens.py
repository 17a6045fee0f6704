"""Each server that is broken on purpose fails exactly the clauses written in its file, and every clause catches one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from docs.specimens import SERVERS as SPECIMENS
from harness.clauses import CLAUSES
from harness.clauses.claims import CLAIMS
from tests.scenarios.harness_runs import Run, harness

FOLDER = Path(__file__).parent.parent / "specimens"
BY_LOAD = [name for name in SPECIMENS if SPECIMENS[name]["SCENARIO"] == "ten_thousand"]  # tests/load/test_ten_thousand
BY_ABUSE = [name for name in SPECIMENS if SPECIMENS[name]["SCENARIO"] == "abuse"]  # tests/load/test_abuse
BROKEN = [name for name in SPECIMENS if name not in ("fastapi_tutorial", *BY_LOAD, *BY_ABUSE)]

TUTORIAL = {"paths.health": "none", "paths.metrics": "none", "paths.broadcast": "none", "level": "handover"}
UVICORN = "{python} -m uvicorn tests.specimens.%s:%s --host 127.0.0.1 --port {port}"
WORKERS = "{python} -m tests.specimens.%s --host 127.0.0.1 --port {port} --workers 2"


def catch(name: str, folder: Path, *options: str, scenario: str | None = None, **declared: object) -> Run:
    target = folder / "target.toml"
    lines = {"command": UVICORN % (name, "app")} | declared
    target.write_text("\n".join(f"{key} = {json.dumps(value)}" for key, value in lines.items()))
    scenario = scenario or SPECIMENS[name]["SCENARIO"]
    return harness(folder, "run", scenario, "--clients", "80", "--timeout", "2", "--target", str(target), *options)


@pytest.mark.teeth
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", BROKEN)
def test_a_specimen_fails_exactly_the_clauses_written_beside_it(name: str, tmp_path: Path):
    if SPECIMENS[name].get("TARGET") == "workers":
        run = catch(name, tmp_path, base="workers", command=WORKERS % name)
    else:
        run = catch(name, tmp_path, base="uvicorn", startup_command=UVICORN % (name, "{startup}"))

    assert run.clauses("fail") == SPECIMENS[name]["FAILS"], run.output
    assert run.clauses("unknown") == set(), run.output
    assert run.status == 1


@pytest.mark.teeth
@pytest.mark.timeout(300)
def test_the_tutorials_server_fails_the_clauses_written_beside_it_and_two_only_sometimes(tmp_path: Path):
    tutorial = SPECIMENS["fastapi_tutorial"]
    run = catch("fastapi_tutorial", tmp_path, **TUTORIAL, drain_timeout_s=2.0)

    assert run.clauses("fail") - tutorial["SOMETIMES"] == tutorial["FAILS"], run.output
    assert {3, 5, 12} <= run.clauses("fail")
    assert run.status == 1


@pytest.mark.teeth
@pytest.mark.timeout(300)
def test_a_stalled_reader_stops_the_tutorials_server_for_ever_and_the_harness_still_ends(tmp_path: Path):
    run = catch("fastapi_tutorial", tmp_path, "--patience-s", "9", **TUTORIAL, scenario="hostile")

    assert {7, 17, 20} <= run.clauses("fail"), run.output
    assert "no exit by" in run.output
    assert run.status == 1


def test_every_clause_has_caught_a_specimen():
    caught = set().union(*(SPECIMENS[name]["FAILS"] for name in (*BROKEN, *BY_LOAD)))

    assert caught == set(CLAUSES)


def test_every_claim_has_caught_a_specimen():
    assert set().union(*(SPECIMENS[name]["CLAIMS"] for name in BY_ABUSE)) == set(CLAIMS)


@pytest.mark.parametrize("name", [*BROKEN, *BY_LOAD, *BY_ABUSE])
def test_a_specimen_is_one_small_fault(name: str):
    lines = (FOLDER / f"{name}.py").read_text().splitlines()

    assert len(lines) <= 45
