"""Fixtures of the tests in a browser: Chromium and its pages, servers, and pictures."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from harness.probes.network import free_port
from harness.targets.known import LAUNCHER
from harness.targets.target import Target
from tests.browser.chromium import CHROMIUM, FLAGS, Pages
from tests.harness.servers import empty_history
from tests.scenarios.rolling_hosts import SETTINGS, Hosts, hosts_of_one_broker

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

ROOT = Path(__file__).parent.parent.parent
PICTURES = Path(os.environ.get("EBB_SCREENSHOTS") or ROOT / ".tox" / "screenshots")

StartServer = Callable[..., Awaitable[Target]]
Picture = Callable[["Page", str], Awaitable[Path]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """Chromium, once for all tests; each page has a profile of its own."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def pages(chromium: Browser) -> AsyncIterator[Pages]:
    """`await pages.open(url)` opens a page; the test fails if there is an error on one of its pages."""
    opened = Pages(chromium)
    yield opened
    await opened.close()
    assert not opened.errors, "\n".join(opened.errors)


@pytest_asyncio.fixture(loop_scope="session")
async def start_server() -> AsyncIterator[StartServer]:
    """`await start_server(SERVER_DRAIN_TIMEOUT_S="30")` starts a server that nobody shares: `.port`, `.signal(...)`."""
    async with AsyncExitStack() as stack:

        async def start(**settings: str) -> Target:
            return await stack.enter_async_context(Target(LAUNCHER, empty_history(), SETTINGS | settings))

        yield start


@asynccontextmanager
async def two_hosts(**settings: str) -> AsyncIterator[Hosts]:
    ports = [free_port() for _ in range(2)]
    places = ",".join(f"ws://127.0.0.1:{port}/ws" for port in ports)
    async with hosts_of_one_broker(0, SERVER_PLACES=places, SERVER_RECONNECT_WINDOW_S="3", **settings) as both:
        both.running = [await both.start(port) for port in ports]
        yield both


@pytest_asyncio.fixture(loop_scope="session")
async def hosts() -> AsyncIterator[Hosts]:
    """Two hosts with one broker, whose page knows both: `.urls`, `await hosts.replace(0)`."""
    async with two_hosts() as both:
        yield both


@pytest_asyncio.fixture(loop_scope="session")
async def hosts_for_any_page() -> AsyncIterator[Hosts]:
    """The same, to which pages of other sites may connect."""
    async with two_hosts(SERVER_ALLOWED_ORIGINS="*") as both:
        yield both


@pytest.fixture
def picture() -> Picture:
    """`await picture(page, "drain")` keeps a screenshot in `.tox/screenshots`, or in the folder EBB_SCREENSHOTS."""

    async def take(page: Page, name: str) -> Path:
        path = PICTURES / f"{name}.png"
        await page.screenshot(path=path, full_page=True)
        return path

    return take
