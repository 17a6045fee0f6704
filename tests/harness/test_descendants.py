"""Which processes are taken for a target's."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from harness.targets import descendants
from harness.targets.descendants import Descendants

MARK = "EBB_TEST_MARK=1"


def test_a_process_that_shows_its_environment_a_moment_late_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the kernel has it: the parent goes on before the environment of its child's program can be read."""
    name, value = MARK.split("=")
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, env={**os.environ, name: value})
    reads: list[str] = []

    class LateEnvironment:
        def __init__(self, path: str) -> None:
            self.path = path

        def read_bytes(self) -> bytes:
            reads.append(self.path)
            if self.path != f"/proc/{child.pid}/environ" or reads.count(self.path) < 2:
                return b""
            return MARK.encode()

    monkeypatch.setattr(descendants, "Path", LateEnvironment)
    try:
        found = [process.pid for process in Descendants(None, MARK).alive()]
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate()

    assert child.pid in found
