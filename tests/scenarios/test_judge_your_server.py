"""The page docs/judge-your-server.md is followed word for word, from an empty folder: what it says is what happens.

In the page, the comment before a block says what it is: `exit 1` that the commands end with this status, `yours` that
they are the reader's own, a file's name that the block is the file. A block of `text` is what the commands before it
print; numbers may be others, and `...` stands for what is left out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "judge-your-server.md"
BLOCK = re.compile(r"(?:<!-- (?P<about>[^\n]+) -->\n)?```(?P<kind>\w+)\n(?P<body>.*?)```\n", re.DOTALL)
OF_A_CLONE = ("pyproject.toml", "README.md", "harness", "server", "clients", "packaging")

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(600)]


def masked(line: str) -> str:
    """Without its numbers, and the spaces that go with them."""
    return re.sub(r"\s+", " ", re.sub(r"\d+(\.\d+)?", "N", line)).strip()


def missing_from(printed: str, shown: str) -> list[str]:
    """The lines that are shown and were not printed, in this order; one that ends with `...` was longer."""
    left = iter([masked(line) for line in printed.splitlines()])
    wanted = [line for line in shown.splitlines() if line.strip() not in ("", "...")]
    return [line for line in wanted if not any(is_shown_as(line, each) for each in left)]


def is_shown_as(shown: str, printed: str) -> bool:
    begins = shown.removesuffix("...")
    return printed.startswith(masked(begins)) if begins != shown else printed == masked(shown)


def test_the_page_is_followed_word_for_word(tmp_path: Path):
    clone, folder = tmp_path / "ebb", tmp_path / "chat"
    folder.mkdir()
    clone.mkdir()
    for name in OF_A_CLONE:  # pip builds where the source is, and here that is to stay as it is
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("node_modules"))
        else:
            shutil.copy(ROOT / name, clone / name)
    environment = {**os.environ, "EBB": str(clone)}
    printed, statuses = "", []

    for block in BLOCK.finditer(PAGE.read_text()):
        about, kind, body = block["about"] or "", block["kind"], block["body"]
        if about == "yours":
            continue
        if kind == "sh":
            run = subprocess.run(
                ["bash", "-c", body], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
            )
            printed = run.stdout + run.stderr
            expected = int(about.removeprefix("exit ")) if about.startswith("exit ") else 0
            assert run.returncode == expected, f"{body}{printed}"
            statuses.append(run.returncode)
        elif kind == "text":
            assert missing_from(printed, body) == [], printed
        elif about:
            (folder / about).write_text(body)

    assert statuses[-1] == 0
    assert 1 in statuses


def test_a_line_that_was_not_printed_is_missing_and_so_is_one_that_came_earlier():
    printed = "a 1\nb 2.5 s\nc\n"
    assert missing_from(printed, "a 7\n...\nc\n") == []
    assert missing_from(printed, "b 1 ...\n") == []
    assert missing_from(printed, "b 1\n") == ["b 1"]
    assert missing_from(printed, "a 7\nx\n") == ["x"]
    assert missing_from(printed, "c\na 1\n") == ["a 1"]
