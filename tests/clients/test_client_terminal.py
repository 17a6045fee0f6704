"""The command `ebb client`, as far as it needs no server: options and what is shown."""

from __future__ import annotations

import asyncio
import json
import resource

import pytest

from clients.python import Message, Status
from clients.python.terminal.cli import main
from clients.python.terminal.crowd import allow_descriptors
from clients.python.terminal.options import parse
from clients.python.terminal.show import StatusLines, line_of, progress


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["shout"], "ebb client: argument listen | chat | many | broadcast | stress: invalid choice: 'shout'"),
        (["listen", "localhost"], "ebb client: 'localhost' is not a URL like ws://127.0.0.1:8000"),
        (["listen", "--room", ""], "ebb client: room of 0 bytes, allowed are 1 to 128"),
        (["chat", "--name", "x" * 129], "argument --name: name of 129 bytes, allowed are 1 to 128"),
        (["many", "--clients", "0"], "ebb client many: argument --clients: '0' is not a whole number above 0"),
        (["broadcast", "--rate", "nan"], "ebb client broadcast: argument --rate: 'nan' is not a number above 0"),
        (["stress", "--duration", "long"], "ebb client stress: argument --duration: 'long' is not a number above 0"),
    ],
)
def test_a_wrong_option_is_one_line_and_status_2(words: list[str], line: str, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as ended:
        main(words, "ebb client")
    said = capsys.readouterr().err
    assert (ended.value.code, said.count("\n"), line in said) == (2, 1, True), said


def test_without_options_it_is_the_server_on_this_machine(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("EBB_TOKEN", "secret")
    args = parse(["stress"], "ebb client")
    assert (args.urls, args.clients, args.rate, args.duration) == (["ws://127.0.0.1:8000"], 100, 10.0, 10.0)
    assert args.token == "secret"


def test_a_message_is_one_line_and_cannot_steer_the_terminal():
    assert line_of(Message(3, None, "ann", "hello", "")) == "3 ann: hello"
    assert line_of(Message(3, "tea", None, {"a": "ä"}, "")) == '3 server in tea: {"a": "ä"}'
    assert line_of(Message(3, None, "ann\n", "a\nb\x1b[31m", "")) == r"3 ann\n: a\nb\x1b[31m"
    said = {"seq": 3, "room": "tea", "from": None, "data": [1], "at": "2026-01-01T00:00:00Z"}
    assert json.loads(line_of(Message(3, "tea", None, [1], "2026-01-01T00:00:00Z"), as_json=True)) == said


def test_what_happens_to_a_connection_is_said_from_the_second_thing_on(capsys: pytest.CaptureFixture[str]):
    show = StatusLines(["ws://a", "ws://b"])
    for status in (
        Status("refused", 1, "no", 0.1),
        Status("connected", 0),
        Status("draining", 0, wait_s=2.5),
        Status("moved", 1),
        Status("cut", 1, "cut\noff", 0.25),
        Status("refused", 0, "refused with HTTP 503", 0.5),
        Status("connected", 0),
    ):
        show(status)
    assert capsys.readouterr().err.splitlines() == [
        "-- ws://a drains; moving in 2.5 s",
        "-- moved to ws://b",
        r"-- ws://b: cut\noff; connecting again in 0.2 s",
        "-- ws://a: refused with HTTP 503; trying again in 0.5 s",
        "-- connected to ws://a",
    ]


@pytest.mark.looptime
async def test_where_nobody_looks_at_a_terminal_progress_is_a_line_every_ten_seconds(
    capsys: pytest.CaptureFixture[str],
):
    async with progress(lambda: "going on"):
        await asyncio.sleep(25)
    assert capsys.readouterr().err == "going on\ngoing on\n"


def test_too_many_clients_for_this_machine_is_one_line_that_says_what_helps(monkeypatch: pytest.MonkeyPatch):
    limits: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: (1024, 4096))
    monkeypatch.setattr(resource, "setrlimit", lambda _, both: limits.append(both))
    allow_descriptors(1000)
    assert limits == []
    allow_descriptors(2000)
    assert limits == [(2000, 4096)]
    with pytest.raises(OSError, match=r"^5000 open files are needed, and 4096 allowed: raise `ulimit -Hn`"):
        allow_descriptors(5000)
