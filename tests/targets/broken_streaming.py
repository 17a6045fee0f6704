"""The cured server with one fault in what it does to event streams: the one that the variable FAULT names."""

from __future__ import annotations

import asyncio
import os
from functools import partial

from server.middleware import requests
from server.middleware.event_stream import Place
from server.middleware.response import Response, _Stream
from tests.targets.cured_streaming import app as app

send_events, tell = Response._send_events, Response.tell


def tells_and_ends_in_the_middle_of_an_event():
    Place.between = property(lambda self: True, lambda self, value: None)


def lets_new_streams_in():
    async def begin_events(self, message):
        self._stream = _Stream()
        self._join()
        await self._send(message)

    requests.accepts_events = lambda headers: False
    Response._begin_events = begin_events


def tells_streams_nothing():
    Response.tell = lambda self, notice: None


def falls_silent():
    async def send_while_serving(self, stream, message):
        if self._crowd.serving:
            await send_events(self, stream, message)

    Response._send_events = send_while_serving


def ends_streams_early():
    def tell_and_end(self, notice):
        tell(self, notice)
        loop = asyncio.get_running_loop()
        loop.call_later(0.5, partial(asyncio.ensure_future, self.say_goodbye(loop.time() + 1)))

    Response.tell = tell_and_end


def cuts_streams_off():
    async def cut(self, until):
        self.abort()

    Response.say_goodbye = cut


globals()[os.environ["FAULT"]]()
