"""The lock of the image holds everything that the server needs, within its bounds, each with its hashes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parent.parent
LOCK = (ROOT / "deploy" / "requirements.txt").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
OPTIONAL = PROJECT["optional-dependencies"]


def locked() -> dict[str, tuple[Requirement, list[str]]]:
    """What is pinned, by its name: the requirement, and its hashes."""
    found = {}
    for entry in re.split(r"\n(?=[a-z])", LOCK):
        lines = [line for line in entry.splitlines() if not line.startswith("#")]
        if lines:
            requirement = Requirement(lines[0].rstrip("\\ "))
            found[requirement.name.lower()] = (requirement, re.findall(r"--hash=sha256:([0-9a-f]{64})", entry))
    return found


@pytest.mark.parametrize("needed", [*PROJECT["dependencies"], *OPTIONAL["server"], *OPTIONAL["jwt"]])
def test_what_the_server_needs_is_locked_within_its_bounds(needed: str):
    requirement = Requirement(needed)
    pinned, _ = locked()[requirement.name.lower()]
    (specifier,) = pinned.specifier

    assert specifier.operator == "=="
    assert requirement.specifier.contains(specifier.version)


def test_each_has_hashes_and_comes_from_nowhere_else():
    assert not [name for name, (_, hashes) in locked().items() if not hashes]
    assert not re.findall(r"--(?:index-url|extra-index-url|find-links|trusted-host)|://", LOCK)


def test_the_image_installs_what_is_locked_and_nothing_else():
    lines = [line for line in (ROOT / "deploy" / "Dockerfile").read_text().splitlines() if "pip install" in line]

    assert len(lines) == 2
    assert "--require-hashes" in lines[0]
    assert "requirements.txt" in lines[0]
    assert "--no-deps" in lines[1]
