"""A server's long responses are judged as its WebSockets are: what a plain uvicorn server does to them, by evidence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.harness_runs import Run, harness

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(300)]

PROMISED = ("--drain-timeout", "2", "--pace", "100", "--close-within", "1", "--level", "handover", "--clients", "60")
PLAIN = ("{python}", "-m", "uvicorn", "tests.targets.streaming:app", "--port", "{port}")


def evidence(run: Run, number: int) -> str:
    return next(str(clause["evidence"]) for clause in run.report["clauses"] if clause["id"] == number)


def test_plain_uvicorn_tells_an_event_stream_nothing_and_cuts_it_at_its_time_limit(tmp_path: Path):
    plain = (*PLAIN, "--timeout-graceful-shutdown", "2")

    run = harness(tmp_path, "run", "drain", *PROMISED, "--timeout", "2", "--stream", "/events", "--", *plain)

    assert {5, 12} <= run.clauses("fail"), run.output
    assert "streams that did not end as they should" in evidence(run, 12)
    assert "was cut off between two events" in evidence(run, 12)


def test_plain_uvicorn_waits_for_an_event_stream_for_ever(tmp_path: Path):
    run = harness(tmp_path, "run", "hostile", *PROMISED, "--stream", "/events", "--", *PLAIN)

    assert {5, 12, 17, 20} <= run.clauses("fail"), run.output
    assert "was never ended" in evidence(run, 12)


def test_a_path_that_is_no_stream_ends_the_run_without_a_verdict(tmp_path: Path):
    run = harness(tmp_path, "run", "drain", *PROMISED, "--stream", "/nothing", "--", *PLAIN)

    assert run.status == 2, run.output
    assert "10 of 10 streams did not begin: 404 on /nothing" in run.output


@pytest.mark.parametrize("stream", ["/events", "/halves", "/download"])
@pytest.mark.parametrize("scenario", ["drain", pytest.param("hostile", marks=pytest.mark.turns)])
def test_with_the_middleware_long_responses_are_treated_as_they_should(tmp_path: Path, scenario: str, stream: str):
    asked = ("--clients", "80", "--timeout", "3", "--level", "handover", "--target", "tests/scenarios/cured.toml")
    cured = ("{python}", "-m", "uvicorn", "tests.targets.cured_streaming:app", "--port", "{port}")

    run = harness(tmp_path, "run", scenario, *asked, "--stream", stream, "--", *cured)

    assert run.clauses("fail") == set(), run.output
    assert {3, 5, 9, 12, 28} <= run.clauses("pass"), run.output
    assert "streams ended as they should" in evidence(run, 12)
