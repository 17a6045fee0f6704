"""Tornado's own chat, `demos/websocket/chatdemo.py` without its page: a set of waiters, each of them written to."""

from __future__ import annotations

import asyncio
import logging

import tornado
from tornado.options import define, options
from tornado.web import Application
from tornado.websocket import WebSocketHandler

define("port", default=8888, help="run on the given port", type=int)


class ChatSocketHandler(WebSocketHandler):
    waiters: set[ChatSocketHandler] = set()  # noqa: RUF012  # as the demo has it

    def open(self) -> None:
        ChatSocketHandler.waiters.add(self)

    def on_close(self) -> None:
        ChatSocketHandler.waiters.remove(self)

    def on_message(self, message: str | bytes) -> None:
        parsed = tornado.escape.json_decode(message)
        for waiter in ChatSocketHandler.waiters:
            try:
                waiter.write_message({"body": parsed["body"]})
            except Exception:
                logging.error("Error sending message", exc_info=True)


async def main() -> None:
    tornado.options.parse_command_line()
    Application([(r"/chatsocket", ChatSocketHandler)]).listen(options.port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
