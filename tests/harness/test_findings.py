"""What follows from a survey: the profile, and the lines that a person reads before the run."""

from __future__ import annotations

import tomllib
from dataclasses import replace

import pytest

from harness.targets import file
from harness.targets.declaration import Profile
from harness.targets.findings import (
    AS_JSON,
    ORIGIN,
    PROTOCOL_PATHS,
    CalmStop,
    Findings,
    Hearing,
    marker_in,
    why_nobody_got_in,
)
from harness.targets.talk import Talk
from harness.targets.talks import TALKS

PLAIN = Profile(command="serve {port}")
STOPPED = CalmStop(0.2, 0, 12, None, 0)
FOUND = Findings(
    declared=PLAIN,
    paths={"ready": None, "health": "/healthz", "metrics": None, "ws": "/chat", "broadcast": None},
    tried={
        "ready": {"/ready": "404", "/readyz": "404", "/readiness": "404"},
        "health": {"/health": "404", "/healthz": "200"},
        "metrics": {"/metrics": "500"},
        "ws": {"/ws": "403", "/chat": "101"},
        "broadcast": {"/broadcast": "405"},
    },
    hearing=Hearing(1, 7, 7),
    stop=STOPPED,
)


@pytest.mark.parametrize(
    ("hearing", "dialect", "broadcasts", "said"),
    [
        (Hearing(1, 0, 7), "echo", False, "heard by the sender"),
        (Hearing(1, 7, 7), "broadcast", True, "heard by the sender and all others"),
        (Hearing(2, 7, 7), "twice", True, "heard by the sender (2 times) and all others"),
        (Hearing(0, 7, 7), "others", True, "heard by all others"),
        (Hearing(0, 0, 7), "silent", False, "heard by nobody"),
        (Hearing(1, 3, 7), "broadcast", False, "heard by the sender and 3 of 7 others"),
    ],
)
def test_who_hears_a_text_says_how_the_target_talks(
    hearing: Hearing, dialect: str, broadcasts: bool, said: str
) -> None:
    profile = replace(FOUND, hearing=hearing).profile
    assert (hearing.said, profile.dialect, profile.broadcasts) == (said, dialect, broadcasts)


def test_what_was_found_is_declared_and_what_was_not_is_absent() -> None:
    profile = FOUND.profile
    assert (profile.ws, profile.health, profile.ready, profile.metrics) == ("/chat", "/healthz", None, None)


def test_a_declaration_overrides_what_was_found() -> None:
    declared = PLAIN.changed(health="/alive", dialect="echo", drained_statuses=(3,))
    profile = replace(FOUND, declared=declared).profile
    assert (profile.health, profile.dialect, profile.drained_statuses) == ("/alive", "echo", (3,))
    lines = "\n".join(replace(FOUND, declared=declared).lines())
    assert "liveness   /healthz (declared)" in lines
    assert "a text     dialect echo (declared)" in lines


@pytest.mark.parametrize(("status", "statuses"), [(0, (0,)), (-15, (-15, 0, -2)), (143, (143, 0, 130)), (3, (3, 0))])
def test_the_status_of_the_calm_stop_is_the_usual_one_and_0_is_always_good(status: int, statuses: object) -> None:
    assert replace(FOUND, stop=replace(STOPPED, status=status)).profile.drained_statuses == statuses


def test_a_target_that_had_to_be_killed_has_no_usual_status() -> None:
    found = replace(FOUND, stop=CalmStop(None, None, 3, None, 0))
    assert "drained_statuses" not in found.profile.declared
    assert any("it did not exit: clauses 16, 17, 20" in line for line in found.lines())


@pytest.mark.parametrize("processes", [1, 2])
def test_a_marker_that_comes_twice_without_a_process_for_each_and_a_parent_is_of_one_process(processes: int) -> None:
    found = replace(FOUND, stop=CalmStop(0.2, 0, 30, "Waiting for application shutdown.", 2, processes))
    assert (found.profile.processes, found.profile.parent_delay_s, found.profile.broadcasts) == (1, 0.0, True)


def test_a_marker_that_each_of_several_processes_prints_says_how_many_there_are() -> None:
    found = replace(FOUND, stop=CalmStop(0.2, 0, 30, "Waiting for application shutdown.", 2, 3))
    assert (found.profile.processes, found.profile.parent_delay_s) == (2, 0.6)
    assert not found.profile.broadcasts
    assert any(
        "heard by the sender and all others, perhaps within one process: broadcast" in line for line in found.lines()
    )
    assert replace(found, declared=PLAIN.changed(broadcasts=True)).profile.broadcasts
    assert any("by each of 2 processes" in line for line in found.lines())


def test_a_target_that_prints_nothing_has_its_output_elsewhere() -> None:
    assert not replace(FOUND, stop=replace(STOPPED, lines=0)).profile.logs
    assert FOUND.profile.logs


def test_the_marker_is_one_that_is_known() -> None:
    assert marker_in(["INFO: Waiting for application shutdown."]) == "Waiting for application shutdown."
    assert marker_in(["bye"]) is None


def test_each_line_names_what_was_found_and_the_option_that_overrides_it() -> None:
    lines = FOUND.lines()
    assert "readiness  none: 404 on /ready, /readyz and others" in lines[0]
    assert lines[0].endswith("--ready PATH")
    assert "liveness   /healthz (200)" in lines[1]
    assert "websocket  /chat (101)" in lines[3]
    assert "calm stop  exit status 0 after 0.200 s" in lines[6]


def test_a_slow_calm_stop_names_the_clause_that_it_breaks() -> None:
    lines = replace(FOUND, stop=replace(STOPPED, took_s=2.5)).lines()
    assert "exit status 0 after 2.500 s (limit 1 s: clause 16)" in lines[6]


def test_a_text_that_is_answered_by_a_close_is_said_so() -> None:
    lines = replace(FOUND, hearing=Hearing(0, 0, 7), closed_with="a close with 1003").lines()
    assert "heard by nobody, and was answered by a close with 1003: silent" in lines[5]
    assert "no client was let in" in replace(FOUND, hearing=None).lines()[5]


@pytest.mark.parametrize(
    ("status", "option"),
    [
        ("401", "--header"),
        ("403", "--header"),
        ("400", "--subprotocol"),
        ("404", "--ws PATH names"),
        ("101, and then a close with 4401", "--cookie"),
    ],
)
def test_where_nobody_was_let_in_the_likeliest_option_is_named(status: str, option: str) -> None:
    said = why_nobody_got_in({"/ws": status, "/": "404"})
    assert said.startswith(f"no path let a client in: {status} on /ws")
    assert option in said


def test_of_what_many_paths_said_that_comes_first_to_which_an_option_helps() -> None:
    said = why_nobody_got_in({"/ws": "404", "/": "200", "/events": "403"})
    assert said.startswith("no path let a client in: 403 on /events; 404 on /ws (403: another path")


def test_where_no_path_let_a_client_in_the_profile_keeps_the_one_that_it_had() -> None:
    found = replace(FOUND, paths={**FOUND.paths, "ws": None}).profile
    assert found.ws == Profile.model_fields["ws"].default


def test_the_target_file_that_is_written_says_the_same_when_it_is_read() -> None:
    assert file.read(tomllib.loads(file.write(FOUND.profile))) == FOUND.profile


def test_what_clients_had_to_do_beside_plain_text_is_declared_and_said() -> None:
    found = replace(FOUND, talk=Talk(headers=ORIGIN, say=AS_JSON))
    assert found.profile.talk == found.talk
    assert "websocket  /chat (101, with an Origin; without, 403)" in found.lines()[3]
    assert "heard by the sender and all others, said in JSON: broadcast" in found.lines()[5]
    assert file.read(tomllib.loads(file.write(found.profile))) == found.profile
    assert replace(found, declared=PLAIN.changed(talk=Talk(say="x {token}"))).profile.talk == Talk(say="x {token}")


def test_where_no_client_was_let_in_nothing_is_said_about_who_hears() -> None:
    assert replace(FOUND, hearing=None).profile.dialect == Profile.model_fields["dialect"].default


def test_every_protocol_with_further_paths_is_one_that_is_shipped() -> None:
    assert PROTOCOL_PATHS.keys() <= set(TALKS)


def test_a_long_finding_is_set_apart_from_its_option() -> None:
    path = PROTOCOL_PATHS["socket.io"][0]
    found = replace(FOUND, paths={**FOUND.paths, "ws": path}, tried={**FOUND.tried, "ws": {path: "101 as socket.io"}})
    assert found.lines()[3].endswith(" (101 as socket.io) --ws PATH")
