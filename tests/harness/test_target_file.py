"""Target files: what they declare, and what is said about one that cannot be used."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import get_args

import jsonschema
import pytest
from pydantic import ValidationError

from harness.clients.dialects import DIALECTS
from harness.options import parse, profile_of
from harness.targets import file as target_file
from harness.targets.declaration import REFERENCE, DialectName, Profile
from harness.targets.file import TargetFileError, load, read, write
from harness.targets.form import nested, schema
from harness.targets.known import BASES, LAUNCHER, WORKERS
from harness.targets.talk import Talk

OURS = Path(__file__).parent.parent / "targets"
SCHEMA = Path(target_file.__file__).with_name("target.schema.json")


def written(folder: Path, text: str) -> Path:
    file = folder / "mine.toml"
    file.write_text(text)
    return file


def test_a_target_file_declares_a_profile(tmp_path: Path) -> None:
    text = """
    command = "{python} -m uvicorn 'your app:app' --port {port}"
    paths = { ws = "/chat/{client}", health = "none", broadcast = false }
    statuses = { drained = [0, 143] }
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
        ('comand = "x {port}"', "there is no key 'comand': allowed are base, command, url"),
        ('command = "x \' {port}"', 'command = "x \' {port}" is not allowed: words, as a list or in one text'),
        ("paths = { redy = 3 }", "there is no key 'paths.redy': allowed are ws, ready, health"),
        ("paths = 3", "paths = 3 is not allowed: a table of ws, ready, health"),
        ('known = { "x" = "why" }', "known = {'x': 'why'} is not allowed: a table: { \"13\" = \"why it fails\" }"),
        ("env = { PORT = 3 }", "env = {'PORT': 3} is not allowed: a table of names and texts"),
        ('url = "ws://example.org"', "url = 'ws://example.org' is not allowed: ws://127.0.0.1:PORT/PATH"),
        ('url = "ws://localhost:8000"\ncommand = "x {port}"', "command is not allowed with url: the harness does not"),
        ('url = "ws://localhost:8000"\npace_env = "P"', "pace_env is not allowed with url: the harness does not start"),
        ('command = "x {port}"\npid = 3', "pid is for a target with url: what the harness has started it stops itself"),
        ('url = "ws://localhost:8000"\nsignal = "KILL"', "signal = 'KILL' is not allowed: one of TERM, INT"),
        ("command = []", "command = [] is not allowed: words, as a list or in one text"),
        ("command = [1]", "command = [1] is not allowed: words"),
        ('command = "x"', "command has no {port}"),
        ('paths.ready = "ready"', "paths.ready = 'ready' is not allowed: a path, which begins with /, or \"none\""),
        ('paths.ws = "none"', "paths.ws = 'none' is not allowed: a path, which begins with /"),
        ('dialect = "morse"', f"dialect = 'morse' is not allowed: one of {', '.join(sorted(DIALECTS))}"),
        ('drain_timeout_env = ""', "drain_timeout_env = '' is not allowed: a text, or \"none\""),
        ("drain_timeout_env = 3", 'drain_timeout_env = 3 is not allowed: a text, or "none"'),
        ("report = 1", "report = 1 is not allowed: true or false"),
        ("processes = 0", "processes = 0 is not allowed: a whole number, 1 or more"),
        ("parent_delay_s = -1", "parent_delay_s = -1 is not allowed: seconds, 0 or more"),
        ("parent_delay_s = true", "parent_delay_s = True is not allowed: seconds, 0 or more"),
        ("progress_interval_s = nan", 'progress_interval_s = nan is not allowed: seconds, 0 or more, or "none"'),
        ("pace_per_s = 0", 'pace_per_s = 0 is not allowed: closes a second, above 0, or "none"'),
        ("close_codes = [99]", 'close_codes = [99] is not allowed: a list of close codes, 1000 to 4999, or "none"'),
        ("statuses.drained = 0", "statuses.drained = 0 is not allowed: a list of exit statuses"),
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
    stream="/events",
    limit_options="--limit {requests}",
    reload_options=["--reload"],
    drain_timeout_s=30.0,
    pace_per_s=200.0,
    close_timeout_s=3.0,
    close_codes=[1001],
    url="ws://127.0.0.1:8000/",
    pid=4711,
    stop="systemctl stop shop",
    cwd="/srv",
    env={"PORT": "{port}"},
    known={"13": "SHOP-1"},
)


@pytest.mark.parametrize("field", Profile.model_fields)
def test_every_field_of_a_profile_can_be_written(field: str) -> None:
    value = getattr(FULL, field)
    assert value is not None
    lines = nested({field: list(value) if isinstance(value, tuple) else value})
    started = {"url": FULL.url} if field in ("pid", "stop", "signal", "url") else {"command": ["{port}"]}
    assert getattr(read(started | lines), field) == value


def test_what_a_profile_says_is_written_as_a_file_and_read_again() -> None:
    profile = Profile(
        command=("{python}", "-c", "print('{port}')", "--port={port}"),
        ready=None,
        drained_statuses=(0,),
        env={"A": "b c"},
        known={13: {"reason": "SHOP-1", "flaky": True}},
        talk={"say": None, "headers": {"Origin": "http://x"}},
    )
    text = write(profile)
    assert "--port={port}" in text
    assert '[paths]\nready = "none"\n' in text
    assert read(tomllib.loads(text)) == profile


@pytest.mark.parametrize(
    ("former", "key"),
    [
        ('ready = "/up"', 'paths = { ready = "/up" }'),
        ('talk = "/echo"', 'paths = { talk = "/echo" }'),
        ("drained_statuses = [3]", "statuses = { drained = [3] }"),
        ('timeout_env = "T_S"', 'drain_timeout_env = "T_S"'),
    ],
)
def test_a_key_by_its_former_name_is_read_and_the_name_of_today_said_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, former: str, key: str
) -> None:
    monkeypatch.setattr(target_file, "_said", set())
    command = 'command = "serve {port}"\n'
    assert load(written(tmp_path, command + former)) == load(written(tmp_path, command + key))
    load(written(tmp_path, command + former))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"harness: {former.split()[0]} is called ")


def test_the_folder_of_a_target_is_seen_from_its_file(tmp_path: Path) -> None:
    assert load(written(tmp_path, 'command = "serve {port}"\ncwd = "shop"')).cwd == str(tmp_path / "shop")


def test_the_port_can_be_told_by_a_variable(tmp_path: Path) -> None:
    assert load(written(tmp_path, 'command = "serve"\nenv = { PORT = "{port}" }')).env == {"PORT": "{port}"}


@pytest.mark.parametrize("file", sorted(OURS.glob("*.toml")), ids=lambda file: file.stem)
def test_our_target_files_are_what_the_schema_allows(file: Path) -> None:
    jsonschema.validate(tomllib.loads(file.read_text()), schema())


@pytest.mark.parametrize(
    "text",
    [
        "paths = { redy = '/r' }",
        "comand = 'serve {port}'",
        "processes = 0",
        "level = 'perfect'",
        "close_codes = [99]",
        "paths = { ws = 'none' }",
        "statuses = { drained = [] }",
        "[talk]\nsay = 3",
    ],
)
def test_the_schema_refuses_what_the_harness_refuses(tmp_path: Path, text: str) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(tomllib.loads(text), schema())
    with pytest.raises(TargetFileError):
        load(written(tmp_path, text))


def test_what_does_not_exist_is_none_or_false_in_the_schema_too() -> None:
    text = "paths = { ready = 'none', health = false }\n[talk]\nsay = 'none'\nfirst = ['a', { hex = '10 1f' }]"
    jsonschema.validate(tomllib.loads(text), schema())


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
    assert tomllib.loads(file.read_text())["base"] in BASES


@pytest.mark.parametrize(("name", "profile"), [("uvicorn", REFERENCE), ("launcher", LAUNCHER)])
def test_a_target_is_chosen_by_name(name: str, profile: Profile) -> None:
    assert profile_of(parse(["drain", "--target", name])) == profile


def test_options_come_on_top_of_a_target(tmp_path: Path) -> None:
    profile = profile_of(parse(["drain", "--target", "launcher", "--metrics", "none"]))
    assert (profile.command, profile.metrics) == (LAUNCHER.command, None)
