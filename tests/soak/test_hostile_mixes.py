"""A hundred mixes of hostile clients against a careless application that drains: nothing hangs, everyone is counted.

Each mix has every hostile kind of the harness, beside event streams, in numbers and at moments of its own; the
application broadcasts under a lock, answers slowly, blocks the event loop and crashes now and then
(`tests/targets/cured_mess.py`). What it loses by itself is its own affair: judged is that the process is gone in
bounded time and leaves nothing, that its lifespan is shut down, who is cut off, and that the report accounts for all.
"""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from tests.scenarios.harness_runs import harness

pytestmark = [pytest.mark.soak, pytest.mark.timeout(300)]

TARGET = "tests/scenarios/cured-mess.toml"
JUDGED = {14, 17, 18, 19, 20, 28, 35}


@pytest.mark.parametrize("number", range(100))
def test_nothing_hangs_and_nobody_is_unaccounted_for(number: int, tmp_path: Path):
    draw = random.Random(number)
    options = {
        "--seed": draw.randrange(2**32),
        "--clients": draw.randint(50, 120),
        "--timeout": round(draw.uniform(0.5, 2), 1),
        "--close-timeout": round(draw.uniform(0.5, 1.5), 1),
    }
    words = [str(word) for option in options.items() for word in option]
    loop, protocol = draw.choice(["asyncio", "uvloop"]), draw.choice(["websockets-sansio", "wsproto"])
    command = f"{sys.executable} -m uvicorn tests.targets.cured_mess:app --loop {loop} --ws {protocol} --port {{port}}"

    run = harness(tmp_path, "run", "hostile", "--target", TARGET, *words, "--", *command.split())

    assert run.clauses("fail") & JUDGED == set(), run.output
    assert run.clauses("pass") >= {17, 20, 28}, run.output
