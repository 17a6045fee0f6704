"""The page at `/` in Chromium."""

from __future__ import annotations

from websockets.asyncio.client import connect

from tests.browser.chromium import BROWSER, Pages
from tests.browser.conftest import Picture, StartServer

pytestmark = BROWSER


async def test_the_page_shows_what_another_client_says(start_server: StartServer, pages: Pages, picture: Picture):
    server = await start_server()
    page = await pages.open(f"http://127.0.0.1:{server.port}/", allowed="favicon.ico")
    await page.get_by_text("connected").wait_for()
    async with connect(f"ws://127.0.0.1:{server.port}/ws") as client:
        await client.send("hello from elsewhere")
        await page.get_by_text("hello from elsewhere").wait_for()
    await picture(page, "page")
