"""Print every message once and in order, whatever is deployed: `python survive.py ws://a:8000/ws ws://b:8000/ws`."""

import asyncio
import itertools
import json
import random
import sys
from contextlib import suppress
from urllib.parse import urlencode

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, WebSocketException

FINAL = {1000, 1003, 1008, 1009}  # close codes after which no client should come back
position = {}  # 1: the epoch, and the number of the last message


class Connection:
    """One connection, which is read until it ends."""

    def __init__(self, socket):
        self.socket = socket
        self.arrived = asyncio.Event()
        self.notice = asyncio.get_running_loop().create_future()
        self.reading = asyncio.create_task(self.read())

    async def read(self):
        """Print what is new."""
        with suppress(ConnectionClosed):
            async for text in self.socket:
                said = json.loads(text)
                match said["type"]:
                    case "welcome" if not position:
                        position.update(epoch=said["epoch"], seq=said["seq"])
                        self.arrived.set()
                    case "resumed":
                        self.arrived.set()
                    case "gap":  # it was away for longer than the server remembers
                        position.update(epoch=said["epoch"], seq=said["next"] - 1)
                        print("messages are lost", file=sys.stderr)
                        self.arrived.set()
                    case "message" if said["seq"] > position["seq"]:  # 5: on two connections each comes twice
                        position["seq"] = said["seq"]
                        print(said["seq"], said["data"], flush=True)
                    case "draining":
                        self.notice.set_result(said["reconnect_after_s"])

    async def until_moment(self):
        """Wait for the notice, and for the moment that it advises; return False if the connection is cut before."""
        await asyncio.wait([self.reading, self.notice], return_when=asyncio.FIRST_COMPLETED)  # 2
        if self.notice.done():
            await asyncio.wait([self.reading], timeout=self.notice.result())  # 3
        if self.socket.close_code in FINAL:
            sys.exit(f"closed for good: {self.socket.close_code} {self.socket.close_reason}")
        return not self.reading.done()


async def main(*urls):
    """Connect to one after another; each takes over from the one before."""
    former, failures = None, 0
    for url in itertools.cycle(urls):
        if failures:  # cut, or refused: full jitter
            await asyncio.sleep(random.uniform(0, min(10, 0.1 * 2**failures)))
        query = "?" + urlencode(position) if position else ""
        try:
            connection = Connection(await connect(url + query, subprotocols=["ebb.v1"], open_timeout=5))
            await asyncio.wait_for(connection.arrived.wait(), 5)
        except (OSError, WebSocketException):  # also TimeoutError
            failures += 1
            continue
        if former:
            former.reading.cancel()
            await former.socket.close()  # 4: not before the new connection has arrived
        former = connection
        failures = 0 if await connection.until_moment() else 1


asyncio.run(main(*sys.argv[1:]))
