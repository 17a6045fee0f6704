"""The page docs/judge-your-server.md is followed word for word, from an empty folder: what it says is what happens."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.pages import ROOT, Reader, clone, missing_from

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(600)]


@pytest.mark.turns
def test_the_page_is_followed_word_for_word(tmp_path: Path):
    folder = tmp_path / "chat"
    folder.mkdir()
    reader = Reader(folder, EBB=str(clone(tmp_path / "ebb")))

    reader.follow((ROOT / "docs" / "judge-your-server.md").read_text())

    assert reader.statuses[-1] == 0
    assert 1 in reader.statuses


def test_a_line_that_was_not_printed_is_missing_and_so_is_one_that_came_earlier():
    printed = "a 1\nb 2.5 s\nc\n"
    assert missing_from(printed, "a 7\n...\nc\n") == []
    assert missing_from(printed, "b 1 ...\n") == []
    assert missing_from(printed, "b 1\n") == ["b 1"]
    assert missing_from(printed, "a 7\nx\n") == ["x"]
    assert missing_from(printed, "c\na 1\n") == ["a 1"]
