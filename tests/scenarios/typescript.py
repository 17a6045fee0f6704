"""The client in TypeScript, as tests run it: compiled by its own compiler, together with its tests."""

from __future__ import annotations

import os
import subprocess
from functools import cache
from pathlib import Path

from tests.scenarios.needs import needs

CLIENT = Path(__file__).parent.parent.parent / "clients" / "typescript"
NPM = needs("node", f"nodejs npm; npm ci in {CLIENT}", CLIENT / "node_modules")


@cache
def compiled() -> Path:
    """Compile it; give the folder with `src` and `test`, from which Node finds `ws`. Each process has its own."""
    folder = CLIENT / "build" / os.environ.get("PYTEST_XDIST_WORKER", "alone")
    command = ["npx", "tsc", "--project", "tsconfig.test.json", "--outDir", str(folder)]
    done = subprocess.run(command, cwd=CLIENT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder
