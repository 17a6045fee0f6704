"""A chat that carries out a subscription some time after it let its client in: who is not subscribed hears nothing.

Brokers are like that. python -m tests.targets.late_subscribers PORT
"""

from __future__ import annotations

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, broadcast, serve

SUBSCRIBED_AFTER_S = 0.4
subscribers: set[ServerConnection] = set()


async def chat(connection: ServerConnection) -> None:
    subscription = asyncio.get_running_loop().call_later(SUBSCRIBED_AFTER_S, subscribers.add, connection)
    try:
        async for text in connection:
            broadcast(subscribers, text)
    finally:
        subscription.cancel()
        subscribers.discard(connection)


async def main(port: int) -> None:
    async with serve(chat, "127.0.0.1", port):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
