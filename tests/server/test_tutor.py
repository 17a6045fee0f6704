"""The example that answers: its command line, its broker, and the question that another tutor left."""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from redis.asyncio import Redis

from server.brokers.embedded import EmbeddedValkey
from server.examples import tutor
from server.examples.tutor import ANSWERS, GROUP, QUESTIONS, Tutor


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    with EmbeddedValkey() as valkey:
        yield valkey


@pytest.fixture
async def broker(valkey: EmbeddedValkey) -> AsyncIterator[Any]:
    broker = Redis.from_url(valkey.url, decode_responses=True, protocol=2)
    yield broker
    await broker.aclose()


@contextlib.asynccontextmanager
async def tutoring(url: str, name: str = "t", delay_s: float = 0.0) -> AsyncIterator[Tutor]:
    """Let a tutor answer."""
    one = Tutor(url, delay_s)
    one.name = name
    work = asyncio.create_task(one.run())
    try:
        yield one
    finally:
        await tutor.end(work)
        await one.broker.aclose()


async def ask(broker: Any, *messages: str) -> None:
    for n, message in enumerate(messages):
        await broker.xadd(QUESTIONS, {"session_id": f"s{n}", "message": message})


async def answers(broker: Any, count: int) -> list[dict[str, str]]:
    """Return so many answers once they are there."""
    async with asyncio.timeout(20):
        while len(entries := await broker.xrange(ANSWERS)) < count:
            await asyncio.sleep(0.01)
    return [fields for _, fields in entries]


async def all_done(broker: Any) -> None:
    async with asyncio.timeout(20):
        while (await broker.xpending(QUESTIONS, GROUP))["pending"]:
            await asyncio.sleep(0.01)


async def test_questions_are_answered_in_order_also_those_asked_before_it_came(valkey, broker):
    await ask(broker, "why is the sky blue?", "why?")
    async with tutoring(valkey.url):
        await answers(broker, 2)
        await ask(broker, "and now?")
        assert await answers(broker, 3) == [
            {"session_id": "s0", "response": "You asked: why is the sky blue? (5 words)"},
            {"session_id": "s1", "response": "You asked: why? (1 word)"},
            {"session_id": "s0", "response": "You asked: and now? (2 words)"},
        ]
        await all_done(broker)


async def test_several_share_the_work_and_answer_each_question_once(valkey, broker):
    async with tutoring(valkey.url, "ann"), tutoring(valkey.url, "bob"):
        await ask(broker, *(f"{n}" for n in range(50)))
        assert sorted(each["session_id"] for each in await answers(broker, 50)) == sorted(f"s{n}" for n in range(50))
        await all_done(broker)
        assert await broker.xlen(ANSWERS) == 50


async def test_a_question_whose_tutor_died_is_taken_over(valkey, broker, monkeypatch):
    monkeypatch.setattr(tutor, "TAKEN_OVER_AFTER_S", 0.2)
    monkeypatch.setattr(tutor, "LOOK_EVERY_S", 0.1)
    await broker.xgroup_create(QUESTIONS, GROUP, id="0", mkstream=True)
    await ask(broker, "left behind")
    await broker.xreadgroup(GROUP, "the dead one", {QUESTIONS: ">"}, count=1)
    async with tutoring(valkey.url):
        assert (await answers(broker, 1))[0]["response"] == "You asked: left behind (2 words)"
        await all_done(broker)


async def test_what_is_no_question_is_put_aside(valkey, broker):
    await broker.xadd(QUESTIONS, {"something": "else"})
    await ask(broker, "why?")
    async with tutoring(valkey.url):
        assert len(await answers(broker, 1)) == 1
        await all_done(broker)


async def test_it_waits_for_a_broker_that_is_not_there_and_for_one_that_comes_back_empty(valkey, broker, monkeypatch):
    monkeypatch.setattr(tutor, "RETRY_S", 0.05)
    async with tutoring(valkey.url):
        await ask(broker, "one")
        await answers(broker, 1)
        await broker.flushall()
        await ask(broker, "two")
        assert [each["response"] for each in await answers(broker, 1)] == ["You asked: two (1 word)"]


def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "server.examples.tutor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--broker", "memory://"], "tutor: memory://: what is in the memory of one process reaches no other"),
        (["--broker", "smtp://x"], "tutor: smtp://: Redis URL must specify one of the following schemes"),
        (["--broker", "redis://u:secret@h:99999"], "tutor: redis://: Port out of range 0-65535"),
        (["--delay", "21"], "argument --delay: 21 is not 0 to 20 s"),
        (["--delay", "soon"], "argument --delay: soon is not 0 to 20 s"),
    ],
)
def test_what_cannot_work_ends_with_2_and_one_line(arguments, complaint):
    done = run(*arguments)

    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr


def test_help_shows_the_options():
    done = run("--help")

    assert done.returncode == 0
    assert "--broker URL" in done.stdout
    assert json.dumps(done.stderr) == '""'


def test_it_finds_the_one_private_broker_of_this_machine(valkey, tmp_path, monkeypatch):
    monkeypatch.setattr(tutor, "roomy_folder", lambda: tmp_path)
    (tmp_path / "ebb-dead").mkdir()
    (tmp_path / "ebb-dead" / "s").touch()
    with pytest.raises(ValueError, match="no server with a broker of its own runs here"):
        tutor.private_broker()

    (tmp_path / "ebb-a").symlink_to(valkey.folder)
    assert tutor.private_broker() == f"unix://{tmp_path}/ebb-a/s"
    (tmp_path / "ebb-b").symlink_to(valkey.folder)
    with pytest.raises(ValueError, match=r"several run here, choose one: unix://.*/ebb-a/s, unix://.*/ebb-b/s"):
        tutor.private_broker()
