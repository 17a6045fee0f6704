"""What all tests of the harness share."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

import pytest

# looptime asks the policy for a loop before the first test has one, and the policy then makes one that
# nobody closes. A policy that has been told "none" makes none.
asyncio.set_event_loop(None)


@pytest.fixture(autouse=True)
def logs_of_targets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that fails keeps its log: here among the files of its test."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
