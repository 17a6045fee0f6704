"""What every test in a browser is marked with, how its Chromium is started, and pages in which no error goes unseen.

Chromium is Debian's, driven by Playwright, whose wheel brings the driver. No browser is fetched.
"""

from __future__ import annotations

import re
import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Error, Page

CHROMIUM = shutil.which("chromium")
FLAGS = [  # the sandbox needs a user other than root, which CI has not
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

PATIENCE_MS = 20_000

# Chromium lives for as long as the whole run, and so does the event loop in which it is spoken to.
BROWSER = [
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(120),
    pytest.mark.skipif(find_spec("playwright") is None, reason="Playwright is missing: pip install -e '.[browser]'"),
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (Debian: apt-get install chromium)"),
]


class Pages:
    """Opens pages, and collects the errors on them."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.errors: list[str] = []

    async def open(self, url: str, allowed: str | None = None, **context: Any) -> Page:
        """Open a page in a profile of its own.

        `allowed`: a regular expression for the errors that the test expects (`".*"`: all), as for a connection that a
        draining server refuses. Other arguments are those of Playwright's `new_context`: `viewport`, `color_scheme`.
        """
        self._contexts.append(await self._browser.new_context(**context))
        return await self.tab(self._contexts[-1], url, allowed)

    async def tab(self, context: BrowserContext, url: str, allowed: str | None = None) -> Page:
        """Open one more page in the profile of another one, which is `page.context`."""

        def note(text: str) -> None:
            if allowed is None or not re.search(allowed, text):
                self.errors.append(f"{url}: {text}")

        def on_console(message: ConsoleMessage) -> None:
            if message.type == "error":
                note(f"{message.text} ({message.location['url']})")

        def on_error(error: Error) -> None:
            note(f"uncaught: {error.stack or error.message}")

        page = await context.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", on_console)
        page.on("pageerror", on_error)
        await page.goto(url)
        return page

    async def close(self) -> None:
        """Close all of them."""
        for context in self._contexts:
            await context.close()
