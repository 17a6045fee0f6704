"""The options by which a target declares itself: each is a key of a target file, all documented in one table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.options import parse, profile_of
from harness.targets.declaration import Known, Profile
from harness.targets.form import KEYS, TABLES
from harness.targets.options import OPTIONS
from harness.targets.talk import KeepAlive, Talk

PAGE = (Path(__file__).parent.parent.parent / "docs" / "targets.md").read_text()


def declared(*options: str, command: str = "serve {port}") -> Profile:
    return profile_of(parse(["drain", *options, "--", *command.split()]))


def test_a_known_failure_that_comes_and_goes_has_an_option_of_its_own() -> None:
    known = declared("--known", "13=SHOP-1", "--flaky", "30=SHOP-2").known
    assert known == {13: Known(reason="SHOP-1"), 30: Known(reason="SHOP-2", flaky=True)}


def test_an_option_says_what_a_key_of_a_target_file_says() -> None:
    options = (
        "--ready none --ws /chat/{client} --talk /echo --cwd shop --env PORT={port} --env A=b=c --processes 2"
        " --drain-timeout 30 --drain-timeout-env D_S --pace 20 --close-within 3 --close-code 1001"
        " --close-code 1012 --drained-status 0 --drained-status -15 --level drain --known 13=SHOP-1 --known 1=SHOP-2"
        " --shutdown-marker none"
    )
    assert declared(*options.split()) == Profile(
        command="serve {port}",
        ready=None,
        ws="/chat/{client}",
        talk_path="/echo",
        cwd="shop",
        env={"PORT": "{port}", "A": "b=c"},
        processes=2,
        drain_timeout_s=30.0,
        drain_timeout_env="D_S",
        pace_per_s=20.0,
        close_timeout_s=3.0,
        close_codes=[1001, 1012],
        drained_statuses=[0, -15],
        level="drain",
        known={13: "SHOP-1", 1: "SHOP-2"},
        shutdown_marker=None,
    )


def test_how_clients_talk_can_be_said_by_options() -> None:
    options = "--header Origin=http://x --cookie a=1 --cookie b=2 --subprotocol p --first hello --first {}"
    token = ("--header", "Authorization: Bearer x=y")
    talk = declared(
        *options.split(), *token, "--let-in", "ready", "--say", "none", "--keepalive", "2=3", "--notice", "bye"
    ).talk
    assert talk == Talk(
        headers={"Origin": "http://x", "Authorization": "Bearer x=y", "Cookie": "a=1; b=2"},
        subprotocol="p",
        first=("hello", "{}"),
        let_in="ready",
        say=None,
        keepalive=KeepAlive(hear="2", say="3"),
        notice="bye",
    )


def test_options_override_the_file_and_add_to_its_tables(tmp_path: Path) -> None:
    file = tmp_path / "shop.toml"
    file.write_text("""
        command = "serve {port}"
        env = { A = "1" }
        close_codes = [1001]
        known = { "13" = "SHOP-1" }
        [talk]
        headers = { Origin = "http://x" }
        say = { hex = "10 {token}" }
    """)
    more = "--env B=2 --close-code 1012 --known 1=SHOP-2 --cookie a=1"
    profile = profile_of(parse(["drain", "--target", str(file), *more.split()]))
    assert profile.env == {"A": "1", "B": "2"}
    assert profile.close_codes == (1012,)
    assert sorted(profile.known) == [1, 13]
    assert profile.talk is not None
    assert profile.talk.headers == {"Origin": "http://x", "Cookie": "a=1"}
    assert profile.talk.say == Talk(say={"hex": "10 {token}"}).say


def test_an_option_by_its_former_name_is_the_same() -> None:
    assert declared("--timeout-env", "D_S") == declared("--drain-timeout-env", "D_S")


def shown(value: object) -> str:
    if value is None or value == {}:
        return ""
    return f"`{json.dumps(list(value) if isinstance(value, tuple) else value)}`"


@pytest.mark.parametrize("key", KEYS)
def test_every_key_is_documented_with_its_option_and_its_default(key: str) -> None:
    field = Profile.model_fields[KEYS[key]]
    options = ", ".join(f"`{option.name}`" for option in OPTIONS if option.key == key)
    default = "" if field.is_required() or key == "progress_pattern" else shown(field.default)
    row = f"| `{key}` | {options} | {default} | {field.description} |"
    assert row in PAGE.splitlines(), row


@pytest.mark.parametrize("option", [each for each in OPTIONS if each.key.startswith("talk.")])
def test_every_option_about_talking_is_documented(option) -> None:
    row = f"| `{option.key}` | `{option.name}` | {option.says} |"
    assert row in PAGE.splitlines(), row


def test_every_table_of_a_target_file_is_in_the_example() -> None:
    assert all(f"{table} = {{" in PAGE for table in TABLES)
