"""The bench's C programs, compiled when they are needed: the clients, and the limit.

Owns the compiler. They are kept in a temporary folder while the bench runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

FOLDER = Path(__file__).parent
OPTIONS = ("-O2", "-std=gnu11")
COMPILES_WITHIN_S = 60


class DoesNotCompile(Exception):
    """There is a compiler, and it fails on the program."""


def compiler() -> str | None:
    """The C compiler of this machine: `$CC`, cc, gcc or clang; None without one."""
    candidates = (os.environ.get("CC"), "cc", "gcc", "clang")
    return next((path for name in candidates if name and (path := shutil.which(name))), None)


def build(names: tuple[str, ...], into: Path) -> dict[str, Path]:
    """Compile programs; return their paths by name, or an empty dict without a compiler. Raises DoesNotCompile."""
    cc = compiler()
    return {} if cc is None else {name: _compile(cc, name, into / name) for name in names}


def _compile(cc: str, name: str, program: Path) -> Path:
    command = [cc, *OPTIONS, "-o", str(program), str(FOLDER / f"{name}.c"), "-lm"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILES_WITHIN_S, check=False)
    if done.returncode:
        first = next(iter(done.stderr.splitlines()), f"exit status {done.returncode}")
        raise DoesNotCompile(f"{cc} cannot compile harness/load/{name}.c: {first}")
    return program
