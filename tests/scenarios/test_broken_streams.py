"""Each fault in what a server does to event streams fails exactly the clauses written beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.harness_runs import harness

pytestmark = [pytest.mark.teeth, pytest.mark.timeout(300)]

ASKED = ("--clients", "80", "--timeout", "2", "--level", "handover", "--target", "tests/scenarios/cured.toml")
BROKEN = ("{python}", "-m", "uvicorn", "tests.targets.broken_streaming:app", "--port", "{port}")


@pytest.mark.parametrize(
    ("fault", "stream", "fails"),
    [
        ("lets_new_streams_in", "/events", {3, 28}),  # 28: those that come while others are closed it does not count
        ("tells_streams_nothing", "/events", {5}),
        ("tells_and_ends_in_the_middle_of_an_event", "/halves", {5, 12}),
        ("falls_silent", "/events", {9}),
        ("ends_streams_early", "/events", {12}),
        ("cuts_streams_off", "/events", {12}),
    ],
)
def test_a_fault_in_event_streams_fails_exactly_the_clauses_written_beside_it(
    tmp_path: Path, fault: str, stream: str, fails: set[int]
):
    run = harness(tmp_path, "run", "drain", *ASKED, "--env", f"FAULT={fault}", "--stream", stream, "--", *BROKEN)

    assert run.clauses("fail") == fails, run.output
    assert run.clauses("unknown") == set(), run.output
