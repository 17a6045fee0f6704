"""Other servers that a test needs: where they are, and why a test is skipped if they are not installed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

TARGETS = Path(__file__).parent.parent / "targets"
NODE = TARGETS / "node"


def needs(program: str, packages: str, *files: Path) -> pytest.MarkDecorator:
    """Skip the test if the server is not installed; never in CI, which installs it."""
    found = shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin") and all(file.exists() for file in files)
    reason = f"{program} is not installed (Debian: apt-get install {packages})"
    return pytest.mark.skipif(not found and not os.environ.get("CI"), reason=reason)


NPM = needs("node", f"nodejs npm; npm ci in {NODE}", NODE / "node_modules" / "socket.io")
