"""The cases of the Autobahn test suite, asked by kosoku: three classes under uvicorn, over an application that echoes.

Left out are 12 and 13 (compression, which is declined). Of the large messages (9) our class refuses those that come in
more than 128 fragments, as it is to: 4 MiB in pieces of 16 KiB and less.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from harness.probes.network import free_port

pytestmark = [pytest.mark.kosoku, pytest.mark.timeout(300)]

# What is not "OK": the verdicts of each class that are known.
KNOWN: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("kosoku.json").read_text())
OTHER_CASES = ["12.*", "13.*"]
CASES = 301


@pytest.mark.parametrize("name", KNOWN)
async def test_a_class_passes_the_cases_that_it_is_known_to_pass(name: str):
    kosoku = pytest.importorskip("kosoku")
    port = free_port()
    server = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.protocol.echo", str(port), name)
    try:
        await until_it_listens(port)
        try:
            results = await kosoku.run_fuzzingclient(f"ws://127.0.0.1:{port}", None, OTHER_CASES)
        except kosoku.FailureError as failure:
            results = failure.results
    finally:
        server.terminate()
        await server.wait()

    assert len(results) == CASES
    verdicts = {each.case_id: verdict_of(each) for each in results}
    assert {case: verdict for case, verdict in verdicts.items() if verdict not in ("OK", KNOWN[name].get(case))} == {}


def verdict_of(result: object) -> str:
    """The worse of the two verdicts, of what was said and of how it was closed, by its name."""
    said, closed = (getattr(result, name).value for name in ("behavior", "behavior_close"))
    return said if said != "OK" else closed


async def until_it_listens(port: int) -> None:
    async with asyncio.timeout(20):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return
