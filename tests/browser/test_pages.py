"""The tests' own pages: an error on a page does not go unseen."""

from __future__ import annotations

import pytest

from tests.browser.chromium import BROWSER, Pages
from tests.harness.servers import until

pytestmark = BROWSER


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("console.error('said')", "said"),
        ("notThere()", "uncaught: ReferenceError: notThere is not defined"),
        ("Promise.reject(new Error('nobody waits'))", "uncaught: Error: nobody waits"),
        ("new WebSocket('ws://127.0.0.1:9/')", "ERR_"),
    ],
)
async def test_an_error_on_a_page_is_collected_unless_it_is_allowed(pages: Pages, script: str, error: str):
    url = f"data:text/html,<script>{script}</script>"
    page = await pages.open(url, allowed=".*")
    async with page.expect_event("console") if "uncaught" not in error else page.expect_event("pageerror"):
        await page.reload()
    assert pages.errors == []

    await pages.open(url)
    await until(lambda: pages.errors, "the error")
    found, pages.errors = pages.errors, []
    assert len(found) == 1
    assert error in found[0]
