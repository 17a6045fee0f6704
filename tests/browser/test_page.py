"""The page at `/`, end to end: what a newcomer does with it, and what a deploy does to it."""

from __future__ import annotations

import asyncio
import re
import signal
from typing import TYPE_CHECKING, Any

import pytest
from websockets.asyncio.client import connect

from clients.python import connect as connect_client
from harness.targets.target import Target
from tests.browser.chromium import BROWSER, Pages
from tests.browser.conftest import ROOT, Picture, StartServer
from tests.scenarios.rolling_hosts import EXIT_S, Hosts, hosts_of_one_broker, publish_until

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = BROWSER

AXE = ROOT / "clients" / "typescript" / "node_modules" / "axe-core" / "axe.min.js"
REFUSED = "WebSocket connection to .* failed"  # what a browser says of a server that drains, or is away
PHONE: dict[str, Any] = {"viewport": {"width": 360, "height": 740}, "color_scheme": "dark"}
SLOWLY = {"SERVER_DRAIN_TIMEOUT_S": "1800", "SERVER_RECONNECT_WINDOW_S": "600"}


def address(server: Target) -> str:
    return f"http://127.0.0.1:{server.port}/"


async def arrived(page: Page) -> Page:
    await page.locator("#state[data-state=here]").wait_for()
    return page


async def say(page: Page, text: str) -> None:
    await page.get_by_label("Message", exact=True).fill(text)
    await page.get_by_role("button", name="Send").first.click()


def lines(page: Page, text: str) -> Any:
    return page.get_by_role("log", name="Stream of messages").get_by_text(text)


async def stream(page: Page) -> list[tuple[int, str]]:
    """What was said, with its number."""
    read = """all => all.map(each => [Number(each.dataset.seq), each.querySelector('.said').lastChild.textContent])"""
    return [tuple(each) for each in await page.locator("#stream [data-seq]").evaluate_all(read)]


async def host_of(page: Page, hosts: Hosts) -> int:
    """Which host the page's client is on."""
    said = await page.locator("#state").inner_text()
    return next(number for number, host in enumerate(hosts.running) if f":{host.port} " in said)


async def test_two_tabs_talk_to_each_other_and_to_other_clients(
    start_server: StartServer, pages: Pages, picture: Picture
):
    server = await start_server(SERVER_NOTIFY_INTERVAL_S="10")
    ann = await arrived(await pages.open(address(server), viewport={"width": 1100, "height": 900}))
    bob = await arrived(await pages.open(address(server), **PHONE))
    await say(ann, "Is the tide out?")
    await lines(bob, "Is the tide out?").wait_for()
    await say(bob, "Not before four.")
    await lines(ann, "Not before four.").wait_for()
    async with connect(f"ws://127.0.0.1:{server.port}/ws") as plain:
        await plain.send("<img src=x onerror='notThere()'>")
        for page in (ann, bob):
            await lines(page, "<img src=x onerror='notThere()'>").wait_for()
    await lines(ann, "Test notification").wait_for()
    await lines(bob, "Test notification").wait_for()
    await ann.locator("#stream .waiting").wait_for(state="detached")
    await bob.locator("#stream .waiting").wait_for(state="detached")

    assert await stream(ann) == await stream(bob) == sorted(await stream(ann))
    assert [text for _, text in await stream(ann)][:2] == ["Is the tide out?", "Not before four."]
    for page in (ann, bob):
        await page.locator("#here-count").get_by_text("2", exact=True).wait_for()
    assert await ann.locator("#rate-now").inner_text() == f"{len(await stream(ann))} in the last minute"
    await picture(ann, "two-tabs-wide")
    await picture(bob, "two-tabs-phone")

    await bob.get_by_role("button", name="Leave").first.click()
    await bob.locator("#state[data-state=away]").wait_for()
    await ann.locator("#here-count").get_by_text("1", exact=True).wait_for()
    assert await bob.get_by_role("button", name="Send").first.is_disabled()


async def test_what_is_said_in_a_room_is_heard_there_and_nowhere_else(start_server: StartServer, pages: Pages):
    server = await start_server()
    ann, bob, eve = [await arrived(await pages.open(address(server))) for _ in range(3)]
    for page in (ann, bob):
        await page.get_by_label("Room", exact=True).fill("tea")
        await page.get_by_role("button", name="Join").first.click()
        await page.get_by_role("button", name="Leave tea").wait_for()
    await say(ann, "scones?")  # the room that was just joined is chosen
    await lines(bob, "scones?").wait_for()
    await bob.get_by_role("button", name="Leave tea").click()
    await ann.locator("#stream .waiting").wait_for(state="detached")
    await say(ann, "more for me")
    await ann.locator("#stream .waiting").wait_for(state="detached")
    await ann.get_by_label("To", exact=True).select_option("everyone")
    await say(ann, "hello all")
    for page in (bob, eve):
        await lines(page, "hello all").wait_for()
    assert [text for _, text in await stream(bob)] == ["scones?", "hello all"]
    assert [text for _, text in await stream(eve)] == ["hello all"]


async def test_ctrl_c_on_the_server_is_a_countdown_to_the_deadline_and_to_ones_own_moment(
    start_server: StartServer, pages: Pages, picture: Picture
):
    server = await start_server(**SLOWLY)
    page = await arrived(await pages.open(address(server), allowed=REFUSED, viewport={"width": 1100, "height": 900}))
    phone = await arrived(await pages.open(address(server), allowed=REFUSED, **PHONE))
    server.signal(signal.SIGINT)
    banner = page.get_by_role("region", name="This server is going away")
    await banner.wait_for()
    assert re.fullmatch(r"(30:00|29:5\d)", await banner.get_by_role("timer", name="It closes in").inner_text())
    own = await page.locator("#own").inner_text()
    announced = await page.locator("#announcer").inner_text()
    assert announced.startswith("This server is going away. It closes in 30:00. You move in ")
    assert re.fullmatch(r"\d:\d\d|10:00", own)
    from playwright.async_api import expect

    await expect(page.locator("#own")).not_to_have_text(own)
    await expect(page.locator("html")).to_have_attribute("style", re.compile(r"--level: 0\.99"))
    await say(page, "still served")
    await lines(phone, "still served").wait_for()
    await phone.get_by_role("region", name="This server is going away").wait_for()
    await picture(page, "drain-wide")
    await picture(phone, "drain-phone")
    for each in (page, phone):
        await each.get_by_role("button", name="Leave").first.click()
        await banner.wait_for(state="hidden")
    assert await server.until_exit(EXIT_S)
    assert server.status == 0


async def test_the_page_is_closed_at_the_deadline_and_comes_back_to_the_next_server(
    start_server: StartServer, pages: Pages, picture: Picture
):
    async with hosts_of_one_broker(1, SERVER_DRAIN_TIMEOUT_S="2") as hosts:
        page = await arrived(await pages.open(address(hosts.running[0]), allowed=REFUSED))
        await say(page, "before")
        await page.locator("#stream .waiting").wait_for(state="detached")
        await hosts.replace(0)
        await lines(page, "Cut off: 1012 service restart. Coming back.").wait_for()
        await arrived(page)
        await lines(page, "Nothing is missing.").wait_for()
        await say(page, "after")
        await page.locator("#stream .waiting").wait_for(state="detached")
        assert [text for _, text in await stream(page)] == ["before", "after"]
        await picture(page, "back")


async def test_what_a_server_without_a_broker_forgot_is_said_to_be_lost(start_server: StartServer, pages: Pages):
    async with hosts_of_one_broker(1, SERVER_DRAIN_TIMEOUT_S="1") as hosts:
        hosts.environment["SERVER_BROKER_URL"] = "memory://"
        await hosts.replace(0)
        page = await arrived(await pages.open(address(hosts.running[0]), allowed=REFUSED))
        await hosts.replace(0)
        await lines(page, "Messages may be lost").wait_for()
        await arrived(page)


async def test_the_page_moves_to_another_host_and_back_and_nothing_is_missing_and_nothing_flickers(
    hosts: Hosts, pages: Pages, picture: Picture
):
    page = await arrived(await pages.open(address(hosts.running[0]), viewport={"width": 1100, "height": 900}))
    await page.evaluate("""() => {
        window.removed = 0;
        const count = changes => changes.forEach(each => { window.removed += each.removedNodes.length; });
        new MutationObserver(count).observe(document.querySelector('#stream'), { childList: true });
    }""")
    async with connect_client(*[f"{url}/ws" for url in hosts.urls]) as speaker:
        stopped, published = asyncio.Event(), list[int]()
        speaking = asyncio.create_task(publish_until(stopped, speaker, published))
        for move in (1, 2):
            before = await host_of(page, hosts)
            await hosts.replace(before)
            await lines(page, f"Moved from 127.0.0.1:{hosts.running[before].port}").nth((move - 1) // 2).wait_for()
            await arrived(page)
            assert await host_of(page, hosts) != before
        stopped.set()
        await speaking
        await speaker.publish("the end")
    await lines(page, "the end").wait_for()
    assert [text for _, text in await stream(page)] == [*map(str, published), "the end"]
    assert await page.evaluate("window.removed") == 0
    assert await lines(page, "Nothing is missing.").count() == 2
    assert await page.locator("#stream .lost").count() == 0
    await lines(page, "Nothing is missing.").last.scroll_into_view_if_needed()
    await picture(page, "moved")


async def test_a_session_is_restored_where_it_is_moved_to(hosts: Hosts, pages: Pages, picture: Picture):
    page = await arrived(await pages.open(address(hosts.running[0]), **PHONE))
    await page.get_by_text("A session that outlives its connections").click()
    log = page.get_by_role("log", name="What the session hears")
    await page.get_by_label("Session", exact=True).fill("s 7")
    await page.get_by_role("button", name="Open").click()
    opened = log.get_by_text("connected to 127.0.0.1:")
    await opened.wait_for()
    await page.get_by_label("Page read").fill("5")
    await page.get_by_role("button", name="Keep").click()
    await page.get_by_label("Question").fill("why?")
    await page.get_by_role("button", name="Ask").click()
    await log.get_by_text("the question was taken").wait_for()
    port = (await opened.inner_text()).rpartition(":")[2]
    await hosts.replace(next(number for number, host in enumerate(hosts.running) if str(host.port) == port))
    await log.get_by_text("moving in").wait_for()
    await log.get_by_text('restored: {"progress":{"page":5}').wait_for()
    assert not (await opened.last.inner_text()).endswith(port)
    await picture(page, "session")


async def test_the_echo_and_the_computation_can_be_tried(start_server: StartServer, pages: Pages):
    server = await start_server()
    page = await arrived(await pages.open(address(server)))
    await page.get_by_text("An echo in JSON").click()
    await page.locator("#json").get_by_role("button", name="Send").click()
    await page.locator("#json").get_by_text('{"status":"ok","echo":"hello"}').wait_for()
    await page.get_by_text("A heavy computation").click()
    await page.get_by_role("button", name="Prove work").click()
    await page.locator("#heavy").get_by_text('"sha256": "0000').wait_for()


async def test_all_of_it_can_be_done_without_a_mouse(start_server: StartServer, pages: Pages):
    server = await start_server()
    page = await arrived(await pages.open(address(server)))
    await page.keyboard.press("Tab")
    assert await page.evaluate("document.activeElement.textContent") == "To the message field"
    await page.keyboard.press("Enter")
    await page.keyboard.type("from the keyboard")
    await page.keyboard.press("Enter")
    await page.locator("#stream .mine:not(.waiting)").get_by_text("from the keyboard").wait_for()
    seen = set()
    for _ in range(40):
        await page.keyboard.press("Tab")
        name = "e => e.labels?.[0]?.textContent.trim() || e.getAttribute('aria-label') || e.textContent.trim()"
        seen.add(await page.evaluate(f"({name})(document.activeElement)"))
    sought = {"Name", "Leave", "Message", "Room", "Join", "An echo in JSON", "Stream of messages", "docs"}
    assert sought <= {re.sub(r"\s+", " ", each) for each in seen}


@pytest.mark.parametrize("width", [320, 360, 768, 1280])
async def test_no_width_needs_scrolling_sideways(start_server: StartServer, pages: Pages, width: int):
    server = await start_server(**SLOWLY)
    page = await pages.open(address(server), allowed=REFUSED, viewport={"width": width, "height": 700})
    await arrived(page)
    await say(page, "m" * 400)
    await page.get_by_label("Room", exact=True).fill("r" * 100)
    await page.get_by_role("button", name="Join").first.click()
    server.signal(signal.SIGTERM)
    await page.get_by_role("region", name="This server is going away").wait_for()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await server.kill()


async def test_with_a_token_the_page_comes_in(start_server: StartServer, pages: Pages):
    server = await start_server(SERVER_AUTH="token", SERVER_TOKEN="let-me-in_please")
    page = await pages.open(address(server))
    await page.get_by_label("Token").fill("let-me-in_please")
    await page.get_by_role("button", name="Connect").click()
    await arrived(page)
    await page.get_by_text("An echo in JSON").click()
    await page.locator("#json").get_by_role("button", name="Send").click()
    await page.locator("#json").get_by_text('{"status":"ok","echo":"hello"}').wait_for()


async def test_a_page_of_another_site_can_neither_connect_nor_post(start_server: StartServer, pages: Pages):
    server = await start_server()
    elsewhere = await start_server()
    page = await pages.open(f"{address(elsewhere)}page/icon.svg", allowed=".*")
    connected = """url => new Promise(resolve => {
        const socket = new WebSocket(url);
        socket.onopen = () => resolve(true);
        socket.onerror = () => resolve(false);
    })"""
    posted = """url => fetch(url, {
        method: "POST", mode: "no-cors", headers: { "content-type": "text/plain" }, body: '{"data":"forged"}',
    }).then(() => true)"""
    ours = await arrived(await pages.open(address(server)))
    assert await page.evaluate(connected, f"ws://127.0.0.1:{server.port}/ws") is False
    assert await page.evaluate(posted, f"{address(server)}broadcast") is True  # whatever it was answered
    assert await ours.evaluate(connected, f"ws://127.0.0.1:{server.port}/ws") is True
    await say(ours, "nothing was forged")
    await ours.locator("#stream .waiting").wait_for(state="detached")
    assert [text for _, text in await stream(ours)] == ["nothing was forged"]


async def test_a_script_that_was_written_into_the_page_does_not_run(start_server: StartServer, pages: Pages):
    server = await start_server()
    page = await arrived(await pages.open(address(server), allowed="Content Security Policy"))
    async with page.expect_event("console", lambda message: "Content Security Policy" in message.text):
        await page.evaluate("""() => {
            const script = document.createElement("script");
            script.textContent = "window.ran = true";
            document.body.append(script);
        }""")
    assert await page.evaluate("window.ran") is None


@pytest.mark.skipif(not AXE.exists(), reason=f"axe-core is missing: npm ci in {AXE.parents[2]}")
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1100])
async def test_axe_finds_nothing_at_rest_nor_in_a_drain(
    start_server: StartServer, pages: Pages, width: int, scheme: str
):
    server = await start_server(**SLOWLY)
    context: dict[str, Any] = {"viewport": {"width": width, "height": 900}, "color_scheme": scheme}
    page = await arrived(await pages.open(address(server), allowed=REFUSED, **context))
    for summary in await page.locator("summary").all():
        await summary.click()
    await page.get_by_label("Room", exact=True).fill("tea")
    await page.get_by_role("button", name="Join").first.click()
    await say(page, "hello")
    await page.locator("#stream .waiting").wait_for(state="detached")
    await page.evaluate(AXE.read_text())
    assert await violations(page) == []
    server.signal(signal.SIGTERM)
    await page.get_by_role("region", name="This server is going away").wait_for()
    assert await violations(page) == []
    await server.kill()


@pytest.mark.skipif(not AXE.exists(), reason=f"axe-core is missing: npm ci in {AXE.parents[2]}")
async def test_axe_finds_a_field_without_a_label_and_a_text_that_is_too_pale(start_server: StartServer, pages: Pages):
    server = await start_server()
    page = await arrived(await pages.open(address(server)))
    await page.evaluate("""() => {
        document.querySelector(".hint").style.color = "#ccc";
        const text = document.querySelector("#text");
        text.parentElement.replaceWith(text);
    }""")
    await page.evaluate(AXE.read_text())
    assert [each.partition(":")[0] for each in await violations(page)] == ["color-contrast", "label"]


async def violations(page: Page) -> list[str]:
    """What axe-core finds, of any weight: its rule, and where."""
    found = await page.evaluate("axe.run()")
    return sorted(
        f"{each['id']}: {node['html'][:200]} {node['failureSummary']}"
        for each in found["violations"]
        for node in each["nodes"]
    )
