"""The launcher as a process: its exit statuses and what it says."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

LAUNCHER = [sys.executable, "-m", "server"]


def launched(*options: str, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*LAUNCHER, "--port", "0", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    )


def read_until(process: subprocess.Popen[str], phrase: str) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if phrase in line:
            return
    raise AssertionError(f"the process ended without saying {phrase!r}")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_exits_0_after_any_signal_and_its_last_line_is_the_report(number: signal.Signals):
    with launched("--drain-timeout-s", "1") as process:
        read_until(process, "Uvicorn running")
        process.send_signal(number)
        output, _ = process.communicate(timeout=20)

    assert process.returncode == 0
    assert output.splitlines()[-1].startswith('{"event": "drain.report", "present": 0')


def test_a_signal_right_at_the_start_ends_it_without_a_word():
    with launched() as process:
        output = ""
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=20)

    assert process.returncode in (0, -signal.SIGTERM)  # the latter before Python itself has begun
    assert "Traceback" not in output


@pytest.mark.parametrize("workers", [(), ("--workers", "2")], ids=["alone", "two workers"])
def test_an_application_of_somebodys_own_is_drained_too(workers: tuple[str, ...]):
    with launched("tests.specimens.fastapi_tutorial:app", "--drain-timeout-s", "1", *workers) as process:
        read_until(process, "serve on" if workers else "Uvicorn running")
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=20)

    assert process.returncode == 0
    reports = [line for line in output.splitlines() if line.startswith('{"event": "drain.report"')]
    assert len(reports) == (2 if workers else 1)


@pytest.mark.parametrize(
    ("app", "why"),
    [
        ("nowhere:app", 'Could not import module "nowhere".'),
        ("tests.specimens.fastapi_tutorial:nothing", 'Attribute "nothing" not found in module '),
        ("nowhere", 'Import string "nowhere" must be in format "<module>:<attribute>".'),
    ],
)
def test_an_application_that_is_not_there_ends_it_with_one_line(app: str, why: str):
    done = subprocess.run([*LAUNCHER, app, "--port", "0"], capture_output=True, text=True, timeout=20, check=False)

    assert done.returncode == 1
    assert done.stderr.startswith(f"cannot serve {app}: {why}")
    assert done.stderr.count("\n") == 1


def test_a_wrong_setting_ends_it_with_one_line():
    done = subprocess.run([*LAUNCHER, "--evict-per-s", "0"], capture_output=True, text=True, timeout=20, check=False)

    assert done.returncode == 1
    assert done.stderr == (
        "SERVER_EVICT_PER_S='0' is not allowed: connections closed a second after the deadline, more than 0\n"
    )


@pytest.mark.attack
@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--broker-url", "redis://:secret@host"],
            "everybody here can read a password on a command line: put the URL into SERVER_BROKER_URL",
        ),
        (["--broker-ur1=redis://:secret@host"], "unrecognized arguments: --broker-ur1=redis://...@host"),
    ],
)
def test_a_password_is_not_taken_from_the_command_line_nor_said_again(options: list[str], said: str):
    done = subprocess.run([*LAUNCHER, *options], capture_output=True, text=True, timeout=20, check=False)

    assert done.returncode == 2
    assert done.stderr == f"python -m server: {said} (--help shows what there is)\n"


def test_a_port_that_is_taken_is_named():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run([*LAUNCHER, "--port", port], capture_output=True, text=True, timeout=20, check=False)

    assert done.returncode == 3
    assert "address already in use" in done.stderr
    assert "Traceback" not in done.stderr


def test_json_logs_are_json_from_the_first_line_to_the_last():
    import json

    with launched("--log-format", "json", "--drain-timeout-s", "1") as process:
        read_until(process, "Uvicorn running")
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=20)

    lines = [json.loads(line) for line in output.splitlines()]
    assert lines[-1]["event"] == "drain.report"


def test_a_parent_that_serves_nobody_and_an_application_of_somebodys_own_load_no_fastapi():
    code = "import sys, server.launcher; print('fastapi' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
