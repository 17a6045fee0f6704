"""A server that ends itself with status 3 at the first handshake."""

from __future__ import annotations

import asyncio
import os
import sys

from websockets.asyncio.server import serve


async def end_it(_: object) -> None:
    os._exit(3)


async def main() -> None:
    async with serve(end_it, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
