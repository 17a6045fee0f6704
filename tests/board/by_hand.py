"""What a few clients see of a stop, without the harness: raw sockets, the bytes that come, the exit, the output.

    python -m tests.board.by_hand [--path /ws] [--origin O] [--say TEXT] [--signal INT] [--silent N] -- COMMAND

Three clients read and answer a close frame: at once, after 0.3 s, after 0.8 s. Each says TEXT 0.5 s before the signal.
`--silent` more never read. The times are seconds from the signal, which goes to the process, or for INT to its group.
"""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections import Counter

HANDSHAKE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{origin}\r\n"
)
t0 = 0.0


def shake_hands(port: int, path: str, origin: str) -> socket.socket | None:
    """A connection that was answered 101; None while nobody listens."""
    try:
        sock = socket.create_connection(("127.0.0.1", port), timeout=90)
    except ConnectionRefusedError:
        return None
    sock.sendall(HANDSHAKE.format(path=path, port=port, origin=f"Origin: {origin}\r\n" if origin else "").encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += sock.recv(1)
    assert b" 101 " in answer, answer
    return sock


def masked(opcode: int, payload: bytes) -> bytes:
    return bytes((0x80 | opcode, 0x80 | len(payload), 0, 0, 0, 0)) + payload


def read(sock: socket.socket, name: str, answers_after_s: float) -> None:
    """Print each kind of frame and the end, with its moment; answer the first close frame."""
    texts: Counter[str] = Counter()
    stream = sock.makefile("rb")
    try:
        while head := stream.read(2):
            length = head[1] & 0x7F
            length = struct.unpack("!H", stream.read(2))[0] if length == 126 else length
            payload = stream.read(length)
            if head[0] & 0x0F == 8:
                print(f"{name}: close frame {payload[:2] and struct.unpack('!H', payload[:2])[0]} at {now()}")
                time.sleep(answers_after_s)
                sock.sendall(masked(8, payload[:2]))
                print(f"{name}: answered at {now()}")
            elif head[0] & 0x0F < 3:
                texts[payload[:60].decode()] += 1
        print(f"{name}: FIN at {now()}; heard {dict(texts)}")
    except OSError as error:
        print(f"{name}: {error} at {now()}; heard {dict(texts)}")


def now() -> str:
    return f"{time.monotonic() - t0:.3f}"


def main() -> None:
    global t0
    parser = argparse.ArgumentParser()
    parser.add_argument("--path", default="/ws")
    parser.add_argument("--origin", default="")
    parser.add_argument("--say", default="hello from {name}")
    parser.add_argument("--signal", default="TERM", choices=("TERM", "INT"))
    parser.add_argument("--silent", type=int, default=0)
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [word.format(port=port, python=sys.executable) for word in shlex.split(" ".join(args.command))]
    server = subprocess.Popen(
        words, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    while (first := shake_hands(port, args.path, args.origin)) is None and server.poll() is None:
        time.sleep(0.05)
    clients = [first, *(shake_hands(port, args.path, args.origin) for _ in range(2 + args.silent))]
    t0 = time.monotonic()
    readers = [
        threading.Thread(target=read, args=(sock, f"answers after {delay_s} s", delay_s), daemon=True)
        for sock, delay_s in zip(clients, (0.0, 0.3, 0.8), strict=False)
    ]
    for number, (sock, reader) in enumerate(zip(clients, readers, strict=False)):
        reader.start()
        if sock is not None and args.say:
            sock.sendall(masked(1, args.say.replace("{name}", str(number)).encode()))
    time.sleep(0.5)
    t0 = time.monotonic()
    (os.killpg if args.signal == "INT" else os.kill)(server.pid, signal.Signals[f"SIG{args.signal}"])
    output, _ = server.communicate()
    print(f"exit status {server.returncode} at {now()}")
    for reader in readers:
        reader.join(1)
    print(output)


if __name__ == "__main__":
    main()
