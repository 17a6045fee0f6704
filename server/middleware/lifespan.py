"""The lifespan of an application, and of one that has none.

Owns what is answered where the application does not answer: startup and shutdown are complete; and a startup that
hangs when the server is told to stop is given up. Refuses to know what is done at either.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from ..connections.asgi import ASGIApp, Message, Receive, Scope, Send

LOOK_EVERY_S = 0.05

STARTED = ("lifespan.startup.complete", "lifespan.startup.failed")


async def live(app: ASGIApp, scope: Scope, receive: Receive, send: Send, told_to_stop: Callable[[], bool]) -> None:
    """Run the application's lifespan; answer for it where it has none, or hangs in startup while told to stop."""
    answered = asyncio.Event()
    stopping = given_up = False

    async def listen() -> Message:
        nonlocal stopping
        message = await receive()
        stopping = message["type"] == "lifespan.shutdown"
        return message

    async def answer(message: Message) -> None:
        if given_up and message["type"] == "lifespan.startup.failed":
            return  # a startup that is cancelled says this of itself, and the server would exit as if it were broken
        if message["type"] in STARTED:
            answered.set()
        await send(message)

    living = asyncio.ensure_future(app(scope, listen, answer))
    waiting = asyncio.ensure_future(answered.wait())
    while not (living.done() or answered.is_set()):
        await asyncio.wait({living, waiting}, timeout=LOOK_EVERY_S, return_when=asyncio.FIRST_COMPLETED)
        if told_to_stop() and not answered.is_set():
            given_up = True
            living.cancel()
            await asyncio.wait({living}, timeout=0.5)
            break
    waiting.cancel()
    if answered.is_set():
        await living
        return
    with contextlib.suppress(Exception, asyncio.CancelledError):
        living.exception()  # the application has no lifespan, and said so by raising
    await send({"type": "lifespan.startup.complete"})
    while not stopping:
        await listen()
    await send({"type": "lifespan.shutdown.complete"})


async def fail(receive: Receive, send: Send, why: str) -> None:
    """Answer startup with a failure: the server says why and does not start."""
    await receive()
    await send({"type": "lifespan.startup.failed", "message": why})
