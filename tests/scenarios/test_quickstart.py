"""The page docs/quickstart.md is followed word for word, in as many terminals as it asks for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.pages import ROOT, Reader, clone

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(600)]


@pytest.mark.turns
def test_five_minutes_are_as_the_page_says(tmp_path: Path):
    folder = tmp_path / "new"
    folder.mkdir()
    ports = ("8000", "8001", "8002", "6379")
    reader = Reader(folder, ports, EBB=str(clone(tmp_path / "ebb")))

    reader.follow((ROOT / "docs" / "quickstart.md").read_text())

    assert set(reader.statuses) == {0}
