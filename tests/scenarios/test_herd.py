"""The table of a herd that comes back: everybody hears what it missed, or there is no table."""

from __future__ import annotations

import asyncio
import sys

import pytest

from harness.load.programs import compiler

pytestmark = [
    pytest.mark.scenario,
    pytest.mark.timeout(120),
    pytest.mark.skipif(compiler() is None, reason="no C compiler (cc, gcc, clang)"),
]


async def test_a_herd_comes_back_on_both_classes_at_once_and_as_advised():
    herd = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "docs.herd", "--clients", "50", "--runs", "1", "--window", "0.5"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, progress = await herd.communicate()

    assert herd.returncode == 0, progress.decode()
    rows = [line.split(" | ")[:2] for line in printed.decode().splitlines()[2:]]
    assert rows == [
        ["| uvicorn's class", "all at once"],
        ["| Ebb's class", "all at once"],
        ["| uvicorn's class", "over 0.5 s, as advised"],
        ["| Ebb's class", "over 0.5 s, as advised"],
    ]
    assert progress.decode().splitlines()[0] == "run 1 of 1: ebb-sansio, over 0 s"
