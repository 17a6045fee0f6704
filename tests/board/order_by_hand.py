"""In which order clients hear what several say at once, without the harness: the `websockets` library's own clients.

    python -m tests.board.order_by_hand [--path /ws] COMMAND

A hundred clients are there; ten of them say ten texts each, at random moments of one second. Then how many texts each
heard, how many clients heard another order than the first one did, and how many heard one sender out of its order.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shlex
import socket
import subprocess
import sys

from websockets.asyncio.client import ClientConnection, connect

CLIENTS, SENDERS, TEXTS = 100, 10, 10


async def say(client: ClientConnection, sender: int) -> None:
    for n in range(TEXTS):
        await client.send(f"{sender}.{n}")
        await asyncio.sleep(random.random() / TEXTS)


async def hear(client: ClientConnection) -> list[str]:
    heard: list[str] = []
    try:
        async with asyncio.timeout(4):
            while len(heard) < SENDERS * TEXTS:
                heard.append(str(await client.recv()))
    except TimeoutError:
        pass
    return heard


def mixes_a_sender(heard: list[str]) -> bool:
    said = [[text for text in heard if text.startswith(f"{sender}.")] for sender in range(SENDERS)]
    return any(texts != sorted(texts) for texts in said)


async def until_it_listens(uri: str) -> None:
    for _ in range(200):
        try:
            async with connect(uri):
                return
        except OSError:
            await asyncio.sleep(0.05)
    sys.exit(f"nothing listens at {uri}")


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--path", default="/ws")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = shlex.split(" ".join(args.command).format(python=sys.executable, port=port))
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        uri = f"ws://127.0.0.1:{port}{args.path}"
        await until_it_listens(uri)
        clients = [await connect(uri) for _ in range(CLIENTS)]
        said = asyncio.gather(*(say(client, sender) for sender, client in enumerate(clients[:SENDERS])))
        heard = await asyncio.gather(*map(hear, clients))
        await said
    finally:
        server.terminate()
        server.wait()
    print(f"texts heard: {min(map(len, heard))} to {max(map(len, heard))}")
    print(f"heard another order than the first client: {sum(each != heard[0] for each in heard)} of {CLIENTS - 1}")
    print(f"heard a sender out of its order: {sum(map(mixes_a_sender, heard))}")


if __name__ == "__main__":
    asyncio.run(main())
