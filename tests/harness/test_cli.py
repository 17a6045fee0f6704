"""The command line: what it refuses, what it reports, and that it leaves nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from harness.cli import main, scenarios_of
from harness.history.terms import Terms, environment_of, terms_of
from harness.options import ask_of, parse, profile_of, without_effect
from harness.scenarios import SCENARIOS
from harness.targets.declaration import REFERENCE, Profile

TUTORIAL = ("--", sys.executable, "-m", "uvicorn", "tests.specimens.fastapi_tutorial:app", "--port", "{port}")


def refused(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    ("argv", "complaint"),
    [
        ((), "the following arguments are required"),
        (("drain", "--clients", "0"), "'0' is not a number of clients"),
        (("drain", "--timeout", "-1"), "'-1' is not a duration in seconds"),
        (("drain", "--say-per-s", "0"), "'0' is not a rate, messages a second"),
        (("drain", "--timeout", "nan"), "'nan' is not a duration in seconds"),
        (("drain", "--ready", "ready"), "'ready' is not a path: it must begin with /"),
        (("drain", "--ws", "none"), "'none' is not a path"),
        (("drain", "--dialect", "morse"), "dialect = 'morse' is not allowed: one of broadcast, echo"),
        (("drain", "--", "uvicorn", "app:app"), "command has no {port}"),
        (("drain", "--"), "command = [] is not allowed: words"),
        (("drain", "--close-code", "99"), "close_codes = [99] is not allowed: a list of close codes, 1000 to 4999"),
        (("drain", "--close-code", "x"), "'x' is not a whole number"),
        (("drain", "--pace", "x"), "'x' is not a number"),
        (("drain", "--header", "Origin"), "'Origin' is not a name, : and a value"),
        (("drain", "--let-in", "("), "talk.let_in = '(' is not allowed: a regular expression"),
        (("drain", "--level", "perfect"), "level = 'perfect' is not allowed: one of clean, drain, handover"),
        (("drain", "--known", "99=why"), "known 99: the contract has no such clause"),
        (("drain", "--known", "13"), "'13' is not a name, = and a value"),
        (("run", "drain", "drian"), "no scenario is called 'drian'"),
        (("frobnicate",), "invalid choice: 'frobnicate'"),
    ],
)
def test_bad_usage_is_one_clear_line_and_status_2(
    capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], complaint: str
) -> None:
    assert complaint in refused(capsys, *argv)


def test_without_a_command_the_target_is_the_reference_server() -> None:
    args = parse(["drain", "--timeout", "2", "--seed", "7"])
    profile, ask = profile_of(args), ask_of(args)
    assert profile == REFERENCE
    assert (ask.clients, ask.timeout_s, ask.close_timeout_s, ask.seed) == (500, 2.0, 3.0, 7)
    assert environment_of(terms_of(profile, ask, evict_per_s=90.5)) == {
        "SERVER_DRAIN_TIMEOUT_S": "2",
        "SERVER_EVICT_PER_S": "90.5",
        "SERVER_CLOSE_TIMEOUT_S": "3",
        "SERVER_RECONNECT_WINDOW_S": "1",
        "SERVER_NOTIFY_INTERVAL_S": "0.4",
        "SERVER_PROGRESS_INTERVAL_S": "1",
        "SERVER_MESSAGES_PER_S": "0",
        "SERVER_BYTES_PER_S": "0",
    }


def test_a_foreign_target_is_what_the_options_declare() -> None:
    options = "--ready none --health /live --metrics none --ws /chat/{client} --dialect echo --timeout-env T_S"
    profile = profile_of(parse(["drain", *options.split(), "--", "serve", "{port}"]))
    assert (profile.ready, profile.health, profile.metrics, profile.broadcast) == (
        None,
        "/live",
        None,
        "/broadcast",
    )
    assert (profile.command, profile.ws, profile.dialect) == (("serve", "{port}"), "/chat/{client}", "echo")
    terms = terms_of(profile, ask_of(parse(["drain"])), evict_per_s=1.0)
    assert (terms.profile, terms.evict_per_s) == (profile, None)
    assert environment_of(terms) == {"T_S": "5"}


def declaring(**declared: object) -> tuple[Profile, Terms]:
    profile = Profile(command="{port}", **declared)
    return profile, terms_of(profile, ask_of(parse(["drain"])), evict_per_s=20.0)


def test_nothing_is_in_force_that_a_target_neither_can_be_told_nor_promises() -> None:
    _, terms = declaring(window_env="W_S")
    assert terms.undeclared == ["drain_timeout_s", "pace_per_s", "close_timeout_s"]
    assert (terms.drain_timeout_s, terms.evict_per_s, terms.close_timeout_s) == (None, None, None)
    assert environment_of(terms) == {}
    assert terms.gone_after_s(clients=100) == terms.patience_s == 60.0


def test_what_a_target_promises_is_in_force_and_what_it_can_be_told_before_that() -> None:
    promises = {"drain_timeout_s": 30.0, "pace_per_s": 10.0, "close_timeout_s": 4.0}
    _, terms = declaring(**promises)
    assert (terms.drain_timeout_s, terms.evict_per_s, terms.close_timeout_s, terms.undeclared) == (30.0, 10.0, 4.0, [])
    assert terms.gone_after_s(clients=100) == 30 + 10 + 4 + 1
    _, terms = declaring(**promises, drain_timeout_env="T_S", pace_env="P", close_timeout_env="C_S")
    assert (terms.drain_timeout_s, terms.evict_per_s, terms.close_timeout_s) == (5.0, 20.0, 3.0)


def test_a_time_that_was_asked_for_and_does_not_apply_is_said_in_one_line() -> None:
    asked = parse(["drain", "--timeout", "2", "--close-timeout", "1"])
    assert without_effect(asked, REFERENCE) == []
    assert without_effect(parse(["drain"]), Profile(command="{port}")) == []
    assert without_effect(asked, Profile(command="{port}", drain_timeout_s=30.0)) == [
        "--timeout 2 does not apply: the target declares no drain_timeout_env, and it promises 30 s",
        "--close-timeout 1 does not apply: the target declares no close_timeout_env, and no close_timeout_s is declared"
        " either",
    ]


def test_a_scenario_that_needs_a_deadline_is_told_to_those_who_promise_one_that_is_late_enough() -> None:
    forced = SCENARIOS["operator_forces"]
    assert forced.why_excluded(REFERENCE) is None
    profile, _ = declaring(drain_timeout_s=30.0)
    assert forced.why_excluded(profile) is None
    profile, _ = declaring(drain_timeout_s=2.0)
    assert forced.why_excluded(profile) == (
        "the target promises a drain timeout of 2 s, and this takes 2.5 s: declare drain_timeout_env if it can be told"
    )
    profile, _ = declaring()
    for name in ("operator_forces", "frozen_across_the_deadline"):
        assert "promises no drain timeout: declare drain_timeout_s" in (SCENARIOS[name].why_excluded(profile) or "")
    assert SCENARIOS["ctrl_c"].why_excluded(profile) is None


def test_a_reader_of_the_list_that_has_seen_enough_ends_it_without_a_word() -> None:
    seen, written = os.pipe()
    os.close(seen)  # as `| head` does
    command = [sys.executable, "-m", "harness", "list"]
    with open(written, "wb") as nobody:
        done = subprocess.run(command, stdout=nobody, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_list_shows_each_scenario_with_its_claim_and_clauses(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"]) == 0
    told = capsys.readouterr().out
    for name in ("drain\n", "everyone_leaves\n", "nobody_there\n"):
        assert name in told
    assert "clauses 16, 18, 19, 20, 30" in told
    assert "With no client at all a server has nothing to wait for" in told


def test_run_all_uses_no_more_clients_than_a_scenario_needs_and_fewer_where_fewer_are_asked_for() -> None:
    default, few = (ask_of(parse(["run", "all", *options])) for options in ((), ("--clients", "40")))
    among_all = {each.name: each for each in scenarios_of(["all"])}
    assert {name: each.asked(default).clients for name, each in among_all.items()} == {
        name: each.enough for name, each in among_all.items()
    }
    assert all(each.asked(few).clients == min(40, each.enough) for each in among_all.values())
    assert (among_all["drain"].enough, scenarios_of(["drain"])[0].asked(default).clients) == (150, 500)


def test_how_much_clients_say_is_asked_in_every_scenario() -> None:
    ask = ask_of(parse(["run", "all", "--say-per-s", "2.5"]))
    assert {each.asked(ask).say_per_s for each in scenarios_of(["all"])} == {2.5}


def test_a_scenario_of_several_hosts_has_as_many_clients_as_asked_but_fewer_among_all() -> None:
    ask = ask_of(parse(["run", "all", "--clients", "1000"]))
    (by_name,) = scenarios_of(["rolling_deploy"])
    (among_all,) = (each for each in scenarios_of(["all"]) if each.name == "rolling_deploy")
    assert (by_name.asked(ask).clients, among_all.asked(ask).clients) == (1000, 150)
    assert by_name.why_excluded(REFERENCE.changed(broker_env=None)) == "the target declares no broker_env"


def test_a_target_that_does_not_start_is_reported_with_reason_and_log(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["drain", "--", sys.executable, "-c", "import sys; sys.exit('no luck')", "{port}"]) == 2
    told = capsys.readouterr().out
    assert "  | no luck\n" in told
    assert "harness: the target did not start: it exited before it was ready; exit status 1; log: /" in told
    log = Path(told.rsplit("log: ", 1)[1].strip())
    assert log.read_text() == "no luck\n"


@pytest.mark.scenario
def test_the_naive_tutorial_server_fails_and_the_report_says_where(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    report, history = tmp_path / "report.json", tmp_path / "history.jsonl"
    options = [
        "--clients",
        "50",
        "--timeout",
        "1",
        "--seed",
        "3",
        "--json",
        str(report),
        "--history",
        str(history),
        "--level",
        "handover",
    ]
    assert main(["drain", *options, *TUTORIAL]) == 1
    outcome = json.loads(report.read_text())
    assert (outcome["scenario"], outcome["seed"], outcome["exit"], outcome["status"]) == ("drain", 3, 1, -15)
    assert outcome["target"].endswith("-m uvicorn tests.specimens.fastapi_tutorial:app --port {port}")
    verdicts = {clause["id"]: clause["verdict"] for clause in outcome["clauses"]}
    assert {id for id, verdict in verdicts.items() if verdict == "fail"} >= {4, 5, 6, 13}
    assert verdicts[12] == verdicts[15] == "excluded"
    assert outcome["timeline"]["signal"] == 0.0
    assert outcome["timeline"]["first_notice"] is None
    assert outcome["timeline"]["last_close"] > 0
    assert outcome["timeline"]["exit"] > 0
    assert json.loads(history.read_text().splitlines()[0])["terms"]["drain_timeout_s"] is None
    told = capsys.readouterr().out
    assert " 5  told-once               fail " in told
    assert any(line.startswith("drain: ") for line in told.splitlines())
    assert told.splitlines()[-1].startswith("clean ")


@pytest.mark.scenario
@pytest.mark.parametrize(("which", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_ends_what_it_started(which: signal.Signals, status: int) -> None:
    command = [sys.executable, "-m", "harness", "drain", "--clients", "20", "--timeout", "30", *TUTORIAL]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as harness:
        assert harness.stdout is not None
        told = [harness.stdout.readline()]
        while "warming up" not in told[-1]:
            told.append(harness.stdout.readline())
        targets = psutil.Process(harness.pid).children()
        harness.send_signal(which)
        told.append(harness.stdout.read())
        assert harness.wait(timeout=10) == status
    assert len(targets) == 1
    assert not psutil.pid_exists(targets[0].pid)
    assert told[-1].endswith("what was started has been ended\n")


def test_help_names_every_exit_code() -> None:
    began = time.monotonic()
    shown = subprocess.run([sys.executable, "-m", "harness", "--help"], capture_output=True, text=True, check=True)
    assert "0 every clause of the level passes, is excluded or known; 1 one fails" in " ".join(shown.stdout.split())
    assert time.monotonic() - began < 10
