"""The Python client in deploys of real hosts that share a broker: 0 lost, 0 doubled, 0 reordered; and its commands."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path

import pytest

from clients.python import Message, Status, connect
from harness.probes.network import free_port
from tests.harness.servers import until
from tests.scenarios.programs import Program, running
from tests.scenarios.rolling_hosts import EXIT_S, Hosts, hosts_of_one_broker, publish_until, until_connected

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(120)]

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
async def hosts() -> AsyncIterator[Hosts]:
    async with hosts_of_one_broker() as both:
        yield both


class Listener:
    """A client that remembers what it has heard and what has happened to it."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.happened: Counter[str] = Counter()

    def on_message(self, message: Message) -> None:
        self.heard.append(message.data)

    def on_status(self, status: Status) -> None:
        self.happened[status.what] += 1


async def test_in_a_rolling_deploy_nothing_is_lost_doubled_or_reordered(hosts: Hosts):
    listeners = [Listener() for _ in range(20)]  # so that some begin at the first host
    published: list[int] = []
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                connect(*hosts.urls, on_message=each.on_message, on_status=each.on_status, rooms=["tea"])
            )
            for each in listeners
        ]
        publisher = await stack.enter_async_context(connect(*hosts.urls, name="ann", on_message=lambda _: None))

        # Nobody has heard anything yet, and nobody says anything: all are moved at least once, some of them twice.
        await hosts.replace(0)
        await hosts.replace(1)
        assert all(client.moves >= 1 for client in clients)
        assert any(client.moves == 2 for client in clients)

        stopped = asyncio.Event()
        speaking = asyncio.create_task(publish_until(stopped, publisher, published))
        await hosts.replace(0)
        await hosts.replace(1)
        stopped.set()
        await speaking
        for each in listeners:
            await until(lambda each=each: len(each.heard) >= len(published), f"{each.heard} of {len(published)}")

    assert len(published) > 20
    assert [each.heard for each in listeners] == [published] * len(listeners)
    assert [each.happened["cut"] for each in listeners] == [0] * len(listeners)
    assert publisher.moves >= 1


async def test_clients_of_a_host_that_is_killed_are_elsewhere_and_have_everything(hosts: Hosts):
    listeners = [Listener() for _ in range(6)]
    published: list[int] = []
    async with AsyncExitStack() as stack:
        for each in listeners:
            await stack.enter_async_context(connect(*hosts.urls, on_message=each.on_message, on_status=each.on_status))
        publisher = await stack.enter_async_context(connect(*hosts.urls, name="ann", on_message=lambda _: None))
        stopped = asyncio.Event()
        speaking = asyncio.create_task(publish_until(stopped, publisher, published))
        await until(lambda: len(published) > 10, "ten messages")
        await hosts.running[0].kill()
        await until(lambda: publisher.connected and len(published) > 40, "more messages after the kill")
        stopped.set()
        await speaking
        for each in listeners:
            await until(lambda each=each: len(each.heard) >= len(published), f"{each.heard} of {len(published)}")
    assert [each.heard for each in listeners] == [published] * len(listeners)


async def test_a_client_with_one_url_waits_for_the_host_that_is_restarted(hosts: Hosts):
    heard = Listener()
    async with connect(hosts.urls[0], on_message=heard.on_message, on_status=heard.on_status):
        hosts.running[0].signal(signal.SIGKILL)
        assert await hosts.running[0].until_exit(EXIT_S)
        async with connect(hosts.urls[1], name="ann") as ann:
            await ann.publish(1)
            hosts.running[0] = await hosts.start(hosts.running[0].port)
            await until(lambda: heard.heard == [1], "the message that was published while its host was away")
    assert heard.happened["cut"] == 1


async def test_the_example_of_the_documents_survives_a_deploy(hosts: Hosts, tmp_path: Path):
    page = (ROOT / "docs" / "clients.md").read_text()
    (example,) = re.findall(r"<!-- example -->\n```python\n(.*?)```", page, re.DOTALL)
    program = tmp_path / "example.py"
    program.write_text(example.replace("from ebb.client import", "from clients.python import"))
    async with connect(*hosts.urls, name="bob", rooms=["tea"]) as bob, python(program, *hosts.urls) as ann:
        assert (await anext(aiter(bob))).data == "hello"
        await bob.publish("to everyone")
        await hosts.replace(0)
        await bob.publish("after one", room="tea")
        await hosts.replace(1)
        await bob.publish("goodbye")
        assert await ann.ended() == 0
    heard = [line.split(maxsplit=1)[1] for line in ann.output.splitlines()]
    assert heard == ["bob to everyone", "bob after one", "bob goodbye"]
    assert ann.errors == ""


# ---- The command ----


def command(*words: object) -> AbstractAsyncContextManager[Program]:
    return python("-m", "clients.python", *words)


def python(*words: object) -> AbstractAsyncContextManager[Program]:
    return running(sys.executable, "-W", "error", *words, env={**os.environ, "PYTHONPATH": str(ROOT)})


async def test_listen_and_chat_move_in_a_drain_and_end_with_one_line_on_ctrl_c(hosts: Hosts):
    async with (
        command("listen", hosts.urls[0], hosts.urls[1], "--room", "tea") as listen,
        command("chat", hosts.urls[0], hosts.urls[1], "--room", "tea", "--name", "ann") as chat,
    ):
        assert chat.process.stdin is not None
        said = 0

        async def heard(line: str) -> None:
            """Say a line until it is heard: nobody is told when the other one has connected."""
            nonlocal said
            assert chat.process.stdin is not None
            while f"ann in tea: {line}\n" not in listen.output:
                chat.process.stdin.write(f"{line}\n".encode())
                said += 1
                await asyncio.sleep(0.1)

        await asyncio.wait_for(heard("hello"), EXIT_S)
        await hosts.replace(0)
        await hosts.replace(1)
        await asyncio.wait_for(heard("still there"), EXIT_S)
        await until(lambda: "-- moved to ws://" in listen.errors and "drains; moving in" in chat.errors, "the moves")
        listen.process.send_signal(signal.SIGINT)
        assert await listen.ended() == 130
        assert re.search(
            r"^python -m clients.python: interrupted; \d+ messages heard, moved [12] times\n\Z", listen.errors, re.M
        )
        chat.process.stdin.close()
        assert await chat.ended() == 0


async def test_listen_ends_with_0_after_as_many_messages_as_were_asked_for(hosts: Hosts):
    url = hosts.urls[0]
    async with command("listen", url, "--json", "--count", 2) as listen, connect(url, name="ann") as ann:
        while listen.process.returncode is None:
            await ann.publish({"a": 1})
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(listen.process.wait(), 0.1)
        assert await listen.ended() == 0
    said = [json.loads(line) for line in listen.output.splitlines()]
    assert [(each["from"], each["room"], each["data"]) for each in said] == [("ann", None, {"a": 1})] * 2
    assert listen.errors == ""


async def test_a_command_that_is_terminated_says_goodbye_first(hosts: Hosts):
    async with command("many", hosts.urls[0], "--clients", 3) as many:
        await until_connected(hosts, 3)
        many.process.send_signal(signal.SIGTERM)
        assert await many.ended() == 143
        await until_connected(hosts, 0)
    assert many.errors.startswith("python -m clients.python: terminated; 3 clients, 0 messages received, ")


async def test_stress_survives_a_deploy_and_says_that_nothing_is_lost(hosts: Hosts):
    async with command("stress", *hosts.urls, "--clients", 20, "--rate", 20, "--duration", 6) as stress:
        await hosts.replace(0)
        await hosts.replace(1)
        assert await stress.ended() == 0, stress.errors
    assert "\n0 lost, 0 doubled, 0 reordered\n" in stress.output
    assert re.search(r"^20 clients, 2400 messages received, 120 published, 0 refused, ", stress.output)
    assert re.search(r"^publish to each client +[\d.]+ +[\d.]+ +[\d.]+ +[\d.]+$", stress.output, re.M)


@pytest.mark.parametrize("what", ["many", "broadcast", "stress"])
async def test_a_run_that_is_interrupted_shows_what_it_has_measured_and_one_line(hosts: Hosts, what: str):
    async with command(what, hosts.urls[0], "--duration", 60) as run, connect(hosts.urls[0]) as witness:
        if what == "many":
            await until_connected(hosts, 101)
        else:
            await asyncio.wait_for(anext(aiter(witness)), EXIT_S)
        run.process.send_signal(signal.SIGINT)
        assert await run.ended() == 130
    assert run.output.startswith("milliseconds ")
    assert run.errors.startswith("python -m clients.python: interrupted; ")
    assert run.errors.count("\n") == 1


async def test_a_host_that_is_not_there_is_one_line():
    url = f"ws://127.0.0.1:{free_port()}"
    async with command("listen", url, "--open-timeout", 0.3) as listen:
        assert await listen.ended() == 2
    assert re.fullmatch(r"python -m clients.python: not connected within 0.3 s: .*refused.*\n", listen.errors)
