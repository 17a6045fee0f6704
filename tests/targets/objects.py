"""A server that objects to its clients before it is told to stop, in the way that its second argument says.

python -m tests.targets.objects PORT OBJECTION: an HTTP status (`403`), a close code after the first text (`1007`) or,
with `at-once`, before any (`4401 at-once`), `subprotocol` (none but `chat.v2`), `cut` (TCP ends at the first text),
`hangs` (no answer to a handshake), `crash` (the process dies at the first text), `exits` (it ends by itself).
"""

from __future__ import annotations

import asyncio
import os
import sys
from http import HTTPStatus

from websockets.asyncio.server import Request, Response, ServerConnection, serve

HEALTH = "/health"
WHY = {401: "who are you?", 403: "not from here", 404: "no such path", 426: "speak chat.v2"}


async def main(port: int, objection: str, at_once: bool) -> None:
    status = int(objection) if objection.isdigit() and int(objection) < 1000 else 101

    async def answer(connection: ServerConnection, request: Request) -> Response | None:
        if request.path == HEALTH:
            return connection.respond(HTTPStatus.OK, "ok\n")
        if objection == "hangs":
            await asyncio.Event().wait()
        return None if status == 101 else connection.respond(HTTPStatus(status), f"{WHY[status]}\n")

    async def talk(connection: ServerConnection) -> None:
        if objection == "exits":
            print("nothing left to do", flush=True)
            asyncio.get_running_loop().call_later(0.3, os._exit, 0)
        if not at_once:
            await connection.recv()
        if objection == "crash":
            print("MemoryError: that was too much", flush=True)
            os._exit(3)
        if objection == "cut":
            print("KeyError: 'type'", flush=True)
            connection.transport.abort()
        elif objection.isdigit():
            await connection.close(int(objection), "no JSON")
        await connection.wait_closed()

    subprotocols = ["chat.v2"] if objection == "subprotocol" else None
    async with serve(talk, "127.0.0.1", port, process_request=answer, subprotocols=subprotocols) as server:
        await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], "at-once" in sys.argv))
