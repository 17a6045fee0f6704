"""What a page names, and whether it is there: tests, settings, metrics, scenarios, files, routes, clauses."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path

from harness.clauses import CLAUSES
from harness.scenarios import SCENARIOS
from server.settings import PREFIX, Settings

ROOT = Path(__file__).parent.parent
PLACEHOLDER = "NAME"  # `tests/specimens/NAME.py` is yet to be written


@cache
def tests_there_are() -> set[str]:
    """The names of all tests."""
    files = (ROOT / "tests").rglob("*.py")
    return {name for file in files for name in re.findall(r"def (test_\w+)", file.read_text())}


@cache
def file_names() -> set[str]:
    """The names of all files that are kept, without their folders."""
    listed = subprocess.run(("git", "ls-files", "-co", "--exclude-standard"), cwd=ROOT, capture_output=True, text=True)
    return {line.rpartition("/")[2] for line in listed.stdout.splitlines()}


def is_there(name: str) -> bool:
    """Whether something that stands between backticks is there, if it is one of those that can be looked up."""
    if re.fullmatch(r"test_\w+", name):
        return name in tests_there_are()
    if setting := re.fullmatch(rf"({PREFIX}[A-Z_]+)(=.*)?", name):
        return setting[1].removeprefix(PREFIX).lower() in Settings.model_fields
    if re.fullmatch(r"ebb_\w+", name):
        return name in (ROOT / "docs" / "metrics.md").read_text()
    if route := re.match(r"(GET|POST) /\w*", name):
        return route[0] in (ROOT / "docs" / "wire.md").read_text()
    if command := re.match(r"python -m harness run ([a-z_ ]+)", name):
        return set(command[1].split()) <= {"all", *SCENARIOS}
    if re.fullmatch(r"[\w.-]+\.(md|py|toml|ini)", name):
        return name in file_names()
    folders = {each.name for each in ROOT.iterdir() if each.is_dir()}
    is_path = re.fullmatch(r"[\w./-]+", name) and name.split("/")[0] in folders
    return not is_path or (ROOT / name).exists()


def missing(page: str) -> set[str]:
    """Say what the page names that is not there."""
    gone = {name for name in re.findall(r"`([^`\n]+)`", page) if PLACEHOLDER not in name and not is_there(name)}
    for clauses in re.findall(r"clauses? ((?:\d+(?:, | and | to )?)+)", page):
        gone |= {f"clause {each}" for each in re.findall(r"\d+", clauses) if int(each) not in CLAUSES}
    return gone
