"""The talks that are shipped, and how a target file and the options begin with one."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from harness.clients.declared_dialect import DeclaredDialect
from harness.clients.dialects import Answer
from harness.options import parse, profile_of
from harness.targets import file as target_file
from harness.targets.talk import Cue, Hex, KeepAlive, Talk, read
from harness.targets.talks import TALKS, table_of, with_its_base

PAGE = Path(__file__).parent.parent.parent / "docs" / "targets.md"
SERVED = ("--", "serve", "{port}")


def test_five_protocols_are_shipped() -> None:
    assert TALKS == ("action-cable", "graphql-ws", "mqtt", "socket.io", "stomp")


@pytest.mark.parametrize("name", TALKS)
def test_each_says_where_it_lives_and_how_something_is_said(name: str) -> None:
    talk = read(table_of(name))
    assert talk.path is not None
    assert talk.let_in is not None
    dialect = DeclaredDialect(talk, "talker-1")
    dialect.is_in = True
    said = dialect.say(7)
    assert dialect.readings(said if isinstance(said, str) else said.decode("latin-1")) in ([Answer(7)], [])
    assert "m:talker-1" in str(said)


def test_the_lengths_in_mqtt_are_those_of_its_packets() -> None:
    talk = read(table_of("mqtt"))
    dialect = DeclaredDialect(talk, "talker-1")
    (connect,) = dialect.begin()
    subscribe = dialect.hear("\x20\x02\x00\x00")
    assert subscribe is not None
    for packet in (connect, *subscribe, dialect.say(7)):
        assert isinstance(packet, bytes)
        assert packet[1] == len(packet) - 2
    assert dialect.hear("\x90\x03\x00\x01\x00") == []
    assert dialect.is_in


@pytest.mark.parametrize(("suback", "is_in"), [("\x90\x03\x00\x01\x00", True), ("\x90\x03\x00\x01\x80", False)])
def test_an_mqtt_broker_that_refuses_the_subscription_lets_nobody_in(suback: str, is_in: bool) -> None:
    dialect = DeclaredDialect(read(table_of("mqtt")), "talker-1")
    dialect.begin()
    assert dialect.hear("\x20\x02\x00\x05") == []  # not authorized: nothing more is said
    dialect.hear("\x20\x02\x00\x00")
    dialect.hear(suback)
    assert dialect.is_in is is_in


def test_a_file_begins_with_a_shipped_talk_and_says_what_is_different() -> None:
    written = {"command": "serve {port}", "talk": {"as": "socket.io", "say": '42["chat","{token}"]'}}
    profile = target_file.read(written)
    assert profile.talk == read(table_of("socket.io") | {"say": '42["chat","{token}"]'})
    assert profile.ws == "/socket.io/?EIO=4&transport=websocket"


def test_a_path_that_is_declared_comes_before_the_usual_one() -> None:
    assert target_file.read({"command": "{port}", "ws": "/mine", "talk": {"as": "stomp"}}).ws == "/mine"
    assert profile_of(parse(["drain", "--ws", "/mine", "--talk-as", "stomp", *SERVED])).ws == "/mine"
    assert profile_of(parse(["drain", "--talk-as", "mqtt", *SERVED])).ws == "/mqtt"


def test_a_name_that_there_is_not_is_told_with_those_that_there_are() -> None:
    with pytest.raises(ValueError, match=r"talk\.as = 'morse' is not allowed: one of action-cable, graphql-ws"):
        with_its_base({"as": "morse"})
    with pytest.raises(ValueError, match=r"talk\.as = \[\] is not allowed"):
        with_its_base({"as": []})


def test_options_come_on_top_of_the_files_talk(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('command = "serve {port}"\n[talk]\nlet_in = "welcome"\nsay = "none"\n')
    assert profile_of(parse(["drain", "--target", str(file)])).talk == Talk(let_in="welcome", say=None)
    profile = profile_of(parse(["drain", "--target", str(file), "--say", "{token}!"]))
    assert profile.talk == Talk(let_in="welcome", say="{token}!")


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (["--let-in", "("], "talk.let_in = '(' is not allowed: a regular expression"),
        (["--talk-as", "morse"], "talk.as = 'morse' is not allowed: one of action-cable, graphql-ws"),
    ],
)
def test_a_wrong_option_is_told_in_one_line(
    given: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        parse(["drain", *given, *SERVED])
    told = capsys.readouterr().err
    assert (complaint in told, told.count("\n")) == (True, 1)


def test_a_protocol_that_is_named_by_an_option_replaces_the_files_talk(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('command = "serve {port}"\n[talk]\nlet_in = "welcome"\n')
    profile = profile_of(parse(["drain", "--target", str(file), "--talk-as", "stomp", "--ignore", "MESSAGE"]))
    assert profile.talk == read(table_of("stomp") | {"ignore": "MESSAGE"})
    assert profile.ws == "/ws"


@pytest.mark.parametrize("say", [None, Hex(hex="30 {token}"), "{token}"])
def test_a_talk_is_written_as_it_is_read(say: str | Hex | None) -> None:
    talk = Talk(first=("a", Cue(hear="b", say=Hex(hex="00"))), say=say, keepalive=KeepAlive(hear="2"))
    profile = target_file.read({"command": "serve {port}"}).changed(talk=talk)
    assert target_file.read(tomllib.loads(target_file.write(profile))).talk == talk


@pytest.mark.parametrize("key", ["as", *Talk.model_fields])
def test_every_key_of_a_talk_is_documented(key: str) -> None:
    assert f"| `{key}` | " in PAGE.read_text()


@pytest.mark.parametrize("name", TALKS)
def test_every_shipped_talk_is_documented(name: str) -> None:
    assert f"| `{name}` | " in PAGE.read_text()
