"""A tutor: answers the questions of sessions. Put your own model in the place of `answer_to`.

    SERVER_BROKER_URL=redis://localhost python -m server.examples.tutor

Owns the way of a question from the stream `student_questions` to an answer on `llm_responses`. Tutors are a consumer
group: as many as you like share the work. A question is taken off the list in the same transaction that adds its
answer, so a question whose tutor died is not lost: another tutor takes it over after 30 s. Refuses to know the server.

Source: Redis' documentation of XREADGROUP and XAUTOCLAIM (6.2 and newer).
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError, ResponseError

from ..brokers.private_folder import roomy_folder
from ..settings import OneLineParser

OWN = __package__.rpartition(".")[0]

logger = logging.getLogger("tutor")

QUESTIONS, ANSWERS, GROUP, KEPT = "student_questions", "llm_responses", "tutors", 10_000
TAKEN_OVER_AFTER_S = 30
LOOK_EVERY_S = 5.0  # for questions to take over
BLOCK_S = 2.0
PATIENCE_S = 5.0
RETRY_S = 1.0
LONGEST_DELAY_S = 20.0


async def answer_to(question: str, delay_s: float) -> str:
    """Answer one question, in less than 30 s: after that another tutor answers it as well."""
    await asyncio.sleep(delay_s)
    words = len(question.split())
    return f"You asked: {question} ({words} word{'' if words == 1 else 's'})"


class Tutor:
    """One consumer of the group. It answers one question at a time."""

    def __init__(self, url: str, delay_s: float) -> None:
        """Raises ValueError for a URL that Redis does not have."""
        self.name = f"{socket.gethostname()}-{os.getpid()}"
        self._delay_s = delay_s
        self.broker = Redis.from_url(
            url,
            protocol=2,
            decode_responses=True,
            socket_connect_timeout=PATIENCE_S,
            socket_timeout=BLOCK_S + PATIENCE_S,
            retry=Retry(NoBackoff(), 0),  # the retries here are our own
        )
        self._looked_at = -LOOK_EVERY_S

    async def run(self) -> None:
        """Answer until cancelled; wait for a broker that does not answer. An unanswered question is left to others."""
        answers: bool | None = None
        while True:
            try:
                await self._create_group()
                while True:
                    if answers is None:
                        logger.info("%s answers", self.name)
                    await self._answer_next()
                    if answers is False:
                        logger.info("%s answers again", self.name)
                    answers = True
            except (RedisError, OSError) as error:
                if answers is not False:
                    logger.warning("not answering, and trying again: %s", " ".join(str(error).split()) or repr(error))
                answers = False
                await asyncio.sleep(RETRY_S)

    async def _create_group(self) -> None:
        """Begin with the oldest question that is kept, if this is the first tutor ever."""
        try:
            await self.broker.xgroup_create(QUESTIONS, GROUP, id="0", mkstream=True)
        except ResponseError as error:
            if "BUSYGROUP" not in str(error):
                raise

    async def _answer_next(self) -> None:
        for number, fields in await self._left_by_others() or await self._new():
            if fields and "session_id" in fields:
                await self._answer(number, fields)
            else:  # it was trimmed meanwhile, or is none of ours
                await self.broker.xack(QUESTIONS, GROUP, number)

    async def _new(self) -> Sequence[tuple[str, Mapping[str, str]]]:
        wanted: dict[Any, Any] = {QUESTIONS: ">"}
        found: Any = await self.broker.xreadgroup(GROUP, self.name, wanted, count=1, block=round(BLOCK_S * 1000))
        return [entry for _, entries in found for entry in entries] if found else ()

    async def _left_by_others(self) -> Sequence[tuple[str, Mapping[str, str]]]:
        if time.monotonic() < self._looked_at + LOOK_EVERY_S:
            return ()
        idle_ms = round(TAKEN_OVER_AFTER_S * 1000)
        found = (await self.broker.xautoclaim(QUESTIONS, GROUP, self.name, min_idle_time=idle_ms, count=1))[1]
        if not found:
            self._looked_at = time.monotonic()
        return list(found)

    async def _answer(self, number: str, question: Mapping[str, str]) -> None:
        began = time.monotonic()
        response = await answer_to(question.get("message", ""), self._delay_s)
        async with self.broker.pipeline(transaction=True) as both:
            both.xadd(ANSWERS, {"session_id": question["session_id"], "response": response}, maxlen=KEPT)
            both.xack(QUESTIONS, GROUP, number)
            await both.execute()
        logger.info(
            "session %.40r: question %s answered in %.2f s", question["session_id"], number, time.monotonic() - began
        )


def private_broker() -> str:
    """Find the private Valkey of a server that runs on this machine. Raises ValueError."""
    sockets = [each for each in sorted(roomy_folder().glob("ebb-*/s")) if _answers(each)]
    if len(sockets) == 1:
        return f"unix://{sockets[0]}"
    if not sockets:
        raise ValueError(f"no server with a broker of its own runs here: python -m {OWN} --workers 2")
    raise ValueError(f"several run here, choose one: {', '.join(f'unix://{each}' for each in sockets)}")


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Answer questions until Ctrl+C or SIGTERM: exit 0. Exits with 2 and one line where that is not possible."""
    args = parse(argv)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s:     %(message)s", stream=sys.stderr)
    try:
        if args.broker == "memory://":
            raise ValueError("what is in the memory of one process reaches no other: name a Redis, or embedded://")
        tutor = Tutor(private_broker() if args.broker == "embedded://" else args.broker, args.delay)
    except ValueError as error:
        print(f"tutor: {args.broker.partition('://')[0]}://: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    asyncio.run(answer_until_stopped(tutor))
    sys.exit(0)


async def answer_until_stopped(tutor: Tutor) -> None:
    """Run until told to stop."""
    loop, work = asyncio.get_running_loop(), asyncio.ensure_future(tutor.run())
    told = asyncio.Event()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, told.set)
    await asyncio.wait([work, asyncio.ensure_future(told.wait())], return_when=asyncio.FIRST_COMPLETED)
    await end(work)
    await tutor.broker.aclose()
    if not work.cancelled():
        work.result()


async def end(work: asyncio.Future[None]) -> None:
    """Cancel a tutor's work until it has ended: redis-py may take a cancellation for a timeout, once."""
    while not work.done():
        work.cancel()
        await asyncio.wait([work], timeout=0.5)


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line. Exits with 2 on bad usage."""
    parser = OneLineParser(
        prog=f"python -m {__package__}.tutor",
        description="Answer the questions of sessions; start as many as you like.",
        epilog="Exit: 0 told to stop (Ctrl+C, SIGTERM), 2 bad usage or a broker that cannot work.",
    )
    named = os.environ.get("SERVER_BROKER_URL", "memory://")
    about = "that of the server (default: SERVER_BROKER_URL); embedded:// finds the one on this machine"
    parser.add_argument("--broker", metavar="URL", default=named, help=about)
    parser.add_argument("--delay", type=_delay, metavar="S", default=0.5, help="seconds an answer takes (default 0.5)")
    return parser.parse_args(argv)


def _delay(text: str) -> float:
    with contextlib.suppress(ValueError):
        if 0 <= float(text) <= LONGEST_DELAY_S:
            return float(text)
    raise argparse.ArgumentTypeError(f"{text} is not 0 to {LONGEST_DELAY_S:g} s: after 30 s another tutor takes over")


if __name__ == "__main__":
    main()
