"""An ASGI application that echoes, `python -m tests.protocol.echo PORT (ebb | websockets-sansio | wsproto)`."""

from __future__ import annotations

import sys
from typing import Any

import uvicorn

from server.protocol.install import install


async def echo(scope: Any, receive: Any, send: Any) -> None:
    while (event := await receive())["type"] != "websocket.disconnect":
        if event["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif event.get("text") is not None:
            await send({"type": "websocket.send", "text": event["text"]})
        else:
            await send({"type": "websocket.send", "bytes": event["bytes"]})


def main(port: str, name: str) -> None:
    ws = "websockets-sansio" if name == "ebb" else name
    config = uvicorn.Config(
        echo,
        port=int(port),
        ws=ws,  # type: ignore[arg-type]
        ws_ping_interval=None,  # a ping of ours in the second that a case waits is an event that it does not expect
        lifespan="off",
        log_level="critical",
    )
    if name == "ebb":
        config.load()
        assert install(config)
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
