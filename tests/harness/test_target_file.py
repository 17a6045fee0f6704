"""Target files: what they declare, and what is said about one that cannot be used."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import get_args

import pytest
from pydantic import ValidationError

from harness.clients.dialects import DIALECTS
from harness.options import parse, profile_of
from harness.targets.declaration import REFERENCE, DialectName, Profile
from harness.targets.file import TargetFileError, load, read
from harness.targets.known import LAUNCHER, TARGETS, WORKERS
from harness.targets.talk import Talk

OURS = Path(__file__).parent.parent / "targets"


def written(folder: Path, text: str) -> Path:
    file = folder / "mine.toml"
    file.write_text(text)
    return file


def test_a_target_file_declares_a_profile(tmp_path: Path) -> None:
    text = """
    command = "{python} -m uvicorn 'your app:app' --port {port}"
    health = "none"
    broadcast = false
    ws = "/chat/{client}"
    drained_statuses = [0, 143]
    parent_delay_s = 1
    report = true
    """
    assert load(written(tmp_path, text)) == Profile(
        command=("{python}", "-m", "uvicorn", "your app:app", "--port", "{port}"),
        health=None,
        broadcast=None,
        ws="/chat/{client}",
        drained_statuses=(0, 143),
        parent_delay_s=1.0,
        report=True,
    )


def test_a_base_is_what_the_rest_is_written_on(tmp_path: Path) -> None:
    profile = load(written(tmp_path, 'base = "launcher"\nreport = false'))
    assert (profile.command, profile.drained_statuses, profile.report) == (LAUNCHER.command, (0,), False)


@pytest.mark.parametrize("key", ["talk", "talk_path"])
def test_the_path_on_which_a_sender_is_answered_is_known_by_its_old_key_too(key: str) -> None:
    assert read({"command": "x {port}", key: "/chat"}).talk_path == "/chat"


def test_a_table_says_how_its_clients_talk(tmp_path: Path) -> None:
    text = 'command = "x {port}"\n[talk]\nlet_in = "welcome"\nsay = \'{"text":"{token}"}\'\n'
    assert load(written(tmp_path, text)).talk == Talk(let_in="welcome", say='{"text":"{token}"}')


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("talk = 3", 'talk = 3 is not allowed: a table of how its clients talk, or "none"'),
        ('[talk]\nlet_in = "("', "talk.let_in = '(' is not allowed: a regular expression"),
        ('[talk]\nlet = "("', "there is no key 'talk.let': allowed are as, headers"),
        ("command = ", "not TOML: Invalid value"),
        ("", "command has no {port}"),
        ('base = "apache"', "base = 'apache' is not allowed: one of uvicorn, launcher"),
        ("base = []", "base = [] is not allowed: one of uvicorn, launcher"),
        ('comand = "x {port}"', "there is no key 'comand': allowed are base, command, cwd"),
        ('command = "x \' {port}"', 'command = "x \' {port}" is not allowed: words, as a list or in one text'),
        ("command = []", "command = [] is not allowed: words, as a list or in one text"),
        ("command = [1]", "command = [1] is not allowed: words"),
        ('command = "x"', "command has no {port}"),
        ('ready = "ready"', "ready = 'ready' is not allowed: a path, which begins with /, or \"none\""),
        ('ws = "none"', "ws = 'none' is not allowed: a path, which begins with /"),
        ('dialect = "morse"', f"dialect = 'morse' is not allowed: one of {', '.join(sorted(DIALECTS))}"),
        ('timeout_env = ""', "timeout_env = '' is not allowed: a text, or \"none\""),
        ("timeout_env = 3", 'timeout_env = 3 is not allowed: a text, or "none"'),
        ("report = 1", "report = 1 is not allowed: true or false"),
        ("processes = 0", "processes = 0 is not allowed: a whole number, 1 or more"),
        ("parent_delay_s = -1", "parent_delay_s = -1 is not allowed: seconds, 0 or more"),
        ("parent_delay_s = true", "parent_delay_s = True is not allowed: seconds, 0 or more"),
        ("progress_interval_s = nan", 'progress_interval_s = nan is not allowed: seconds, 0 or more, or "none"'),
        ("pace_per_s = 0", 'pace_per_s = 0 is not allowed: closes a second, above 0, or "none"'),
        ("close_codes = [99]", 'close_codes = [99] is not allowed: a list of close codes, 1000 to 4999, or "none"'),
        ("drained_statuses = 0", "drained_statuses = 0 is not allowed: a list of exit statuses"),
    ],
)
def test_a_wrong_target_file_is_one_line_with_file_key_and_what_is_allowed(
    tmp_path: Path, text: str, complaint: str
) -> None:
    file = written(tmp_path, text)
    with pytest.raises(TargetFileError) as refused:
        load(file)
    assert str(refused.value).startswith(f"{file}: {complaint}")
    assert "\n" not in str(refused.value)


def test_a_target_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TargetFileError, match=r"nonesuch\.toml: No such file or directory"):
        load(tmp_path / "nonesuch.toml")


FULL = WORKERS.changed(
    talk=Talk(),
    metrics="/m",
    limit_options="--limit {requests}",
    reload_options=["--reload"],
    drain_timeout_s=30.0,
    pace_per_s=200.0,
    close_timeout_s=3.0,
    close_codes=[1001],
    cwd="/srv",
    env={"PORT": "{port}"},
    known={"13": "SHOP-1"},
)


@pytest.mark.parametrize("key", Profile.model_fields)
def test_every_field_of_a_profile_can_be_written(key: str) -> None:
    value = getattr(FULL, key)
    assert value is not None
    assert getattr(read({"command": ["{port}"], key: list(value) if isinstance(value, tuple) else value}), key) == value


@pytest.mark.parametrize("wrong", [{"ready": "ready"}, {"processes": 0}, {"reday": "/ready"}])
def test_a_profile_cannot_be_made_with_a_wrong_value_nor_changed_to_one(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Profile(command="serve {port}", **wrong)
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        REFERENCE.changed(**wrong)


def test_a_target_is_started_in_another_way_by_a_whole_command_or_by_options_of_its_own() -> None:
    assert REFERENCE.variant("startup_command").command == REFERENCE.startup_command
    assert LAUNCHER.variant("limit_options").command == (*LAUNCHER.command, "--limit-max-requests", "{requests}")
    with pytest.raises(ValueError, match="the target declares no reload_options"):
        LAUNCHER.variant("reload_options")


def test_the_dialects_that_can_be_declared_are_those_that_there_are() -> None:
    assert get_args(DialectName) == tuple(DIALECTS)


@pytest.mark.parametrize("file", sorted(OURS.glob("*.toml")), ids=lambda file: file.stem)
def test_our_target_files_can_be_used(file: Path) -> None:
    assert load(file).reference
    assert tomllib.loads(file.read_text())["base"] in TARGETS


@pytest.mark.parametrize(("name", "profile"), [("uvicorn", REFERENCE), ("launcher", LAUNCHER)])
def test_a_target_is_chosen_by_name(name: str, profile: Profile) -> None:
    assert profile_of(parse(["drain", "--target", name])) == profile


def test_options_come_on_top_of_a_target(tmp_path: Path) -> None:
    profile = profile_of(parse(["drain", "--target", "launcher", "--metrics", "none"]))
    assert (profile.command, profile.metrics) == (LAUNCHER.command, None)
