"""The inbox of one client: in order, bounded, and no task while nothing is in hand."""

from __future__ import annotations

import asyncio

import pytest

from server.connections.inbox import Inbox

pytestmark = pytest.mark.looptime


class Clerk:
    """Answers each message after a second; `fails` on one of them."""

    def __init__(self, fails: str | None = None) -> None:
        self.answered: list[str] = []
        self.fails = fails
        self.failed = False

    async def answer(self, text: str) -> None:
        await asyncio.sleep(1)
        if text == self.fails:
            raise ValueError(text)
        self.answered.append(text)

    def fail(self) -> None:
        self.failed = True


def inbox_of(clerk: Clerk, limit: int = 2) -> Inbox:
    inbox = Inbox(limit, clerk.fail)
    inbox.answer = clerk.answer
    return inbox


async def test_messages_are_answered_one_by_one_in_order():
    clerk = Clerk()
    inbox = inbox_of(clerk)
    for text in "abc":
        await inbox.take(text)
    assert not inbox.idle
    await inbox.done()

    assert clerk.answered == ["a", "b", "c"]
    assert (inbox.idle, inbox.received) == (True, 3)


async def test_a_full_inbox_makes_the_reader_wait_for_room():
    clerk = Clerk()
    inbox = inbox_of(clerk)
    started = asyncio.get_running_loop().time()
    for text in "abcde":
        await inbox.take(text)

    assert asyncio.get_running_loop().time() - started == pytest.approx(2, abs=0.1)  # one in hand, two wait
    await inbox.done()


async def test_waiting_for_it_can_be_bounded_and_given_up():
    clerk = Clerk()
    inbox = inbox_of(clerk)
    for text in "abc":
        await inbox.take(text)
    await inbox.done(timeout_s=1.5)
    assert (clerk.answered, inbox.idle) == (["a"], False)

    inbox.give_up()
    await inbox.done()
    inbox.give_up()
    assert clerk.answered == ["a"]


async def test_a_failure_is_reported_and_frees_a_reader_that_waits():
    clerk = Clerk(fails="a")
    inbox = inbox_of(clerk, limit=1)
    for text in "abc":
        await inbox.take(text)
    await inbox.done()

    assert clerk.failed
    assert clerk.answered == ["c"]


async def test_what_waits_can_be_dropped_and_what_is_begun_is_answered():
    clerk = Clerk()
    inbox = inbox_of(clerk)
    for text in "abc":
        await inbox.take(text)
    inbox.drop()
    await inbox.done()
    inbox.drop()

    assert clerk.answered == ["a"]
