"""The examples of clients that survive a deploy which need what is large to install: a page, and one in Go."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from urllib.parse import urlencode

from tests.browser.chromium import BROWSER, Pages
from tests.browser.files import served
from tests.scenarios.needs import needs
from tests.scenarios.programs import running
from tests.scenarios.rolling_hosts import Hosts
from tests.scenarios.survival import EXAMPLES, go_through_deploys, program_goes_through_deploys

pytestmark = BROWSER

GO_PACKAGES = Path("/usr/share/gocode")
GORILLA = GO_PACKAGES / "src" / "github.com" / "gorilla" / "websocket"
GO = needs("go", "golang-go golang-github-gorilla-websocket-dev", GORILLA)


async def test_a_page_hears_every_message_once_and_in_order(pages: Pages, hosts_for_any_page: Hosts):
    hosts = hosts_for_any_page
    with served(EXAMPLES) as address:
        urls = urlencode([("url", f"{url}/ws") for url in hosts.urls])
        page = await pages.open(f"{address}survive.html?{urls}", allowed="WebSocket connection to '.*' failed")

        async def heard() -> list[int]:
            return [int(text.split()[1]) for text in await page.locator("#heard li").all_text_contents()]

        await go_through_deploys(hosts, heard)


@GO
async def test_a_client_in_go_hears_every_message_once_and_in_order(hosts: Hosts, tmp_path: Path):
    program = tmp_path / "survive"
    environment = {**os.environ, "GO111MODULE": "off", "GOPATH": str(GO_PACKAGES), "GOCACHE": str(tmp_path)}
    subprocess.run(["go", "build", "-o", program, "survive.go"], cwd=EXAMPLES, env=environment, check=True, timeout=100)
    async with running(program, *[f"{url}/ws" for url in hosts.urls]) as example:
        await program_goes_through_deploys(hosts, example)
