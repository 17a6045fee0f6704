"""The bench: what it refuses, in which turns it measures, and one small real run of it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from harness.cli import main
from harness.load import programs, room
from harness.load.clients import LISTENER, Clients, ClientsFailed
from harness.load.command import NO_CLIENTS
from harness.load.options import plans_of, servers_of
from harness.load.plan import Plan
from harness.load.room import Cores, NoRoom, check_ports, choose_cores, make_room
from harness.load.servers import KNOWN
from harness.options import parse

TUTORIAL = ("--", sys.executable, "-m", "uvicorn", "harness.load.tutorial:app", "--port", "{port}")


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        (("--against", "nobody"), "no server is called 'nobody': there are ebb, "),
        (("--clients", "0"), "'0' is not a number from 1 to 1000000"),
        (("--growth", "100,many"), "'many' is not a number from 1 to 1000000"),
        (("--seconds", "0"), "'0' is not more than 0"),
        (("--idle", "nan"), "'nan' is not a number from 0 to 100000"),
        (("--echo", "echo"), "'echo' is not a path: it must begin with /"),
        (("--with-clients", "java"), "invalid choice: 'java'"),
        (("--", "serve"), "the COMMAND after -- has no {port}"),
    ],
)
def test_bad_usage_is_one_clear_line_and_status_2(
    capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], complaint: str
):
    with pytest.raises(SystemExit) as ended:
        main(("load", *argv))

    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert complaint in line


def test_too_few_ports_are_named_with_what_is_needed_and_what_there_is():
    with pytest.raises(NoRoom, match=r"30000 connections need 30064 ephemeral ports, there are 28232 .*32768 to 60999"):
        check_ports(30_000, "32768\t60999\n")

    check_ports(28_000, "32768\t60999\n")
    check_ports(30_000, "")


def test_too_few_descriptors_are_named_with_what_is_needed_and_what_there_is(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("resource.getrlimit", lambda _: (200, 300))

    with pytest.raises(NoRoom, match="1000 clients need 1256 open files, the hard limit is 300"):
        make_room(1000)


def test_one_core_is_refused_unless_sharing_it_is_accepted():
    with pytest.raises(NoRoom, match="a core each, 2 in all; this process may use 1"):
        choose_cores({3}, shared=False)

    assert choose_cores({3}, shared=True) == Cores(None, None)
    assert choose_cores({5, 1, 3}, shared=False) == Cores(server=1, clients=3)


def test_what_is_started_while_pinned_stays_on_its_core():
    core, before = min(os.sched_getaffinity(0)), os.sched_getaffinity(0)

    with room.pinned(core):
        child = subprocess.run([sys.executable, "-c", "import os; print(os.sched_getaffinity(0))"], capture_output=True)

    assert child.stdout.decode().strip() == str({core})
    assert os.sched_getaffinity(0) == before


def test_without_compiler_and_picows_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(programs, "compiler", lambda: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    assert main(["load", "--clients", "1", "--shared-core"]) == 2
    assert f"harness: {NO_CLIENTS}" in capsys.readouterr().out


def test_a_program_that_does_not_compile_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    (tmp_path / "bad.c").write_text("int main(void) { return nothing; }\n")
    monkeypatch.setattr(programs, "FOLDER", tmp_path)
    if programs.compiler() is None:
        monkeypatch.setenv("CC", "false")

    with pytest.raises(programs.DoesNotCompile, match=r"cannot compile harness/load/bad\.c: .+"):
        programs.build(("bad",), tmp_path)


def test_growth_goes_up_and_a_plot_alone_chooses_its_own():
    def counts(*argv: str) -> list[int]:
        return [plan.clients for plan in plans_of(parse(["load", *argv]))]

    assert counts() == [1000]
    assert counts("--growth", "300,100,300") == [100, 300]
    assert counts("--plot", "f.svg", "--clients", "10000") == [100, 300, 1000, 3000, 10_000]
    assert counts("--plot", "f.svg", "--clients", "500") == [100, 300, 500]


def test_the_measured_server_comes_first_and_once():
    def names(*argv: str) -> list[str]:
        return [server.name for server in servers_of(parse(["load", *argv]))]

    assert names() == ["ebb"]
    assert names("--against", "limit,ebb,tutorial,limit") == ["ebb", "limit", "tutorial"]
    assert names("--against", "limit", *TUTORIAL) == ["yours", "limit"]


def test_a_server_evicts_unpaced_as_far_as_it_has_the_knobs():
    options = ["--timeout-env", "T_S", "--pace-env", "PER_S", "--echo", "/back", "--ws", "/all"]
    (yours,) = servers_of(parse(["load", *options, *TUTORIAL]))

    assert yours.environment == {"T_S": "0", "PER_S": "1000000000"}
    assert (yours.echo, yours.profile.ws, yours.profile.ready) == ("/back", "/all", None)
    assert KNOWN["ebb"].environment["SERVER_DRAIN_TIMEOUT_S"] == "0"
    assert KNOWN["tutorial"].environment == {}


@pytest.mark.parametrize("name", ["ebb", "ebb-uvicorn", "ebb-sansio", "ebb-workers"])
def test_the_bench_limits_the_rate_of_no_client_of_ours_as_of_no_others(name: str):
    environment = KNOWN[name].environment

    assert (environment["SERVER_MESSAGES_PER_S"], environment["SERVER_BYTES_PER_S"]) == ("0", "0")


def test_a_plan_broadcasts_less_often_to_more_clients():
    assert [Plan(clients).broadcasts(300_000) for clients in (10, 1000, 10_000, 1_000_000)] == [1000, 300, 30, 20]
    assert [Plan(clients).echoers for clients in (1, 50, 10_000)] == [1, 5, 100]


async def test_clients_that_end_are_told_with_what_they_were_asked():
    async with Clients((sys.executable, "-c", "import sys; sys.exit(7)"), port=1, deflate=False, core=None) as clients:
        with pytest.raises(ClientsFailed, match=r"ended at 'connect 0 1 64 1\.0 /ws' \(status 7\)"):
            await clients.connect(LISTENER, 1, "/ws", 1.0)


def measure(folder: Path, *argv: str) -> dict[str, dict[str, float]]:
    """Run the bench in a process of its own; the figures of each server, run 1."""
    kept = folder / "load.json"
    own = ["--clients", "50", "--runs", "1", "--seconds", "0.5", "--idle", "0.1", "--json", str(kept)]
    cores = [] if len(os.sched_getaffinity(0)) > 1 else ["--shared-core"]
    command = [sys.executable, "-m", "harness", "load", *own, *cores, *argv]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {one["server"]: one["figures"] for one in json.loads(kept.read_text())["runs"]}


@pytest.mark.scenario
@pytest.mark.timeout(120)
def test_a_small_run_measures_every_figure_of_every_server(tmp_path: Path):
    plot = tmp_path / "growth.svg"

    figures = measure(tmp_path, "--against", "limit,tutorial", "--plot", str(plot), "--growth", "50")

    assert {"client_us", "backlog_per_s", "close_all_s", "stalled_over_calm", "idle_cpu_percent"} <= figures[
        "ebb"
    ].keys()
    assert figures["ebb"].keys() | {"send_loop_us"} == figures["limit"].keys()
    for name in ("ebb", "limit"):
        assert figures[name]["errors"] == 0
        assert figures[name]["closed_full_percent"] == 100
        assert figures[name]["stalled_arrived_percent"] == 100
    assert figures["tutorial"]["fanout_per_s"] > 0
    assert figures["tutorial"]["stalled_arrived_percent"] < 100, "one stalled reader stops the tutorial's loop"
    assert plot.read_text().startswith("<svg ")


@pytest.mark.scenario
@pytest.mark.timeout(120)
def test_the_clients_in_python_measure_the_same_figures(tmp_path: Path):
    pytest.importorskip("picows")

    figures = measure(tmp_path, "--with-clients", "picows")["ebb"]

    assert {"echo_avg_us", "fanout_per_s", "backlog_per_s", "stalled_over_calm"} <= figures.keys()
    assert (figures["errors"], figures["closed_full_percent"], figures["stalled_arrived_percent"]) == (0, 100, 100)


@pytest.mark.scenario
@pytest.mark.parametrize(("which", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_bench_ends_what_it_started(which: signal.Signals, status: int):
    command = [sys.executable, "-m", "harness", "load", "--clients", "20", "--shared-core"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as bench:
        assert bench.stdout is not None
        while "run 1 of 5" not in bench.stdout.readline():
            assert bench.poll() is None
        children = psutil.Process(bench.pid).children(recursive=True)
        bench.send_signal(which)
        told = bench.stdout.read()
        assert bench.wait(timeout=10) == status
    assert told.endswith("what was started has been ended\n")
    assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
