"""A server that objects to the harness's clients is not accused of it: the run ends undecided, and says what helps."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.harness_runs import Run, harness

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(120)]

DECLARED = ("--ws", "/chat", "--ready", "none", "--metrics", "none", "--broadcast", "none", "--dialect", "echo")


def drain(folder: Path, objection: str, *options: str) -> Run:
    command = ("{python}", "-m", "tests.targets.objects", "{port}", *objection.split())
    return harness(folder, "drain", "--clients", "20", *DECLARED, *options, "--", *command)


def complaint(run: Run) -> list[str]:
    """The lines from the one that says why there is no verdict."""
    assert run.status == 2, run.output
    assert run.report == {"clauses": []}
    lines = run.output.splitlines()
    return lines[max(number for number, line in enumerate(lines) if line.startswith("harness: ")) :]


@pytest.mark.parametrize(
    ("objection", "said", "helps"),
    [
        ("401", "refused with HTTP 401 (who are you?) on /chat", "--header NAME:VALUE"),
        ("403", "refused with HTTP 403 (not from here) on /chat", "--ws PATH"),
        ("404", "refused with HTTP 404 (no such path) on /chat", "--ws PATH"),
        ("426", "refused with HTTP 426 (speak chat.v2) on /chat", "--subprotocol NAME"),
        ("subprotocol", "refused with HTTP 400", "--subprotocol NAME"),
        ("1003", "closed with 1003 (no JSON) after its first text", "--say TEXT"),
        ("1007", "closed with 1007 (no JSON) after its first text", "--say TEXT"),
        ("1008", "closed with 1008 (no JSON) after its first text", "--say TEXT"),
        ("4401 at-once", "closed with 4401 (no JSON) before it had said anything", "--cookie NAME=VALUE"),
        ("cut", "ended by eof without a close frame", "--say TEXT"),
    ],
)
def test_what_the_target_objected_to_is_said_with_the_option_that_helps(
    tmp_path: Path, objection: str, said: str, helps: str
):
    lines = complaint(drain(tmp_path, objection))

    assert "clients were lost before the target was told to stop" in lines[0]
    assert said in lines[0]
    assert helps in lines[1]
    assert len(lines) <= 3


def test_what_is_objected_to_in_the_warm_up_is_said_as_well(tmp_path: Path):
    lines = complaint(drain(tmp_path, "1007", "--reference", "--talk", "/chat"))  # our own is not surveyed

    assert "closed with 1007 (no JSON) after its first text" in lines[0]
    assert "--say TEXT" in lines[1]


@pytest.mark.parametrize("options", [(), ("--reference", "--talk", "/chat")])
@pytest.mark.parametrize(
    ("objection", "printed", "status"), [("crash", "MemoryError: that was too much", 3), ("exits", "nothing left", 0)]
)
def test_a_target_that_exits_before_the_signal_is_said_so_with_its_last_lines(
    tmp_path: Path, objection: str, printed: str, status: int, options: tuple[str, ...]
):
    run = drain(tmp_path, objection, *options)

    (said,) = complaint(run)
    assert said.startswith("harness: the target exited before it was told to stop: while ")
    assert f"; exit status {status}; log: " in said
    assert f"  | {printed}" in run.output
