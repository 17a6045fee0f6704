"""What becomes of clients that connect as a busy server is told to stop, without the harness: asyncio streams.

    python -m tests.board.late_by_hand [--path /ws] COMMAND

A hundred clients are there; one says ten texts, forty more connect, and the server gets SIGTERM, all at once. Of the
forty: what the handshake was answered by, what came then, and, 3 s later, of a close of theirs. Then the exit.
"""

from __future__ import annotations

import argparse
import asyncio
import shlex
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import Counter

from .by_hand import HANDSHAKE, masked


async def connect(port: int, path: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter, str]:
    """A connection, and the status that its handshake was answered by."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(HANDSHAKE.format(path=path, port=port, more="").encode())
    return reader, writer, (await reader.readuntil(b"\r\n\r\n"))[9:12].decode()


async def come_late(port: int, path: str) -> str:
    """The life of one of the forty, in words."""
    try:
        reader, writer, status = await connect(port, path)
    except (OSError, asyncio.IncompleteReadError) as error:
        return type(error).__name__
    for what in ("", ", then a close of its own"):
        if what:
            writer.write(masked(8, struct.pack("!H", 1000)))
        try:
            async with asyncio.timeout(3):
                while data := await reader.read(65536):
                    if b"\x88" in data:
                        return f"{status}{what}, and a close frame"
                return f"{status}{what}, and the end"
        except TimeoutError:
            pass
        except ConnectionResetError:
            return f"{status}{what}, and a reset"
    await reader.read()
    return f"{status}, then a close of its own, and no answer in 3 s"


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--path", default="/ws")
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [word.format(port=port, python=sys.executable) for word in shlex.split(" ".join(args.command))]
    server = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while (there := socket.socket()).connect_ex(("127.0.0.1", port)):
        await asyncio.sleep(0.05)
    there.close()
    clients = [await connect(port, args.path) for _ in range(100)]
    clients[0][1].write(10 * masked(1, b"hello"))
    late = [asyncio.ensure_future(come_late(port, args.path)) for _ in range(40)]
    await asyncio.sleep(0.002)
    server.send_signal(signal.SIGTERM)
    t0 = time.monotonic()
    status = await asyncio.to_thread(server.wait)
    print(f"exit status {status} after {time.monotonic() - t0:.3f} s")
    for what, times in Counter(await asyncio.gather(*late)).most_common():
        print(f"{times} of 40: {what}")


if __name__ == "__main__":
    asyncio.run(main())
