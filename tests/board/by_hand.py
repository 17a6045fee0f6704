"""What a few clients see of a stop, without the harness: raw sockets, the bytes that come, the exit, the output.

    python -m tests.board.by_hand [OPTIONS] COMMAND

Three clients read and answer a close frame: at once, after 0.3 s, after 0.8 s. Each says TEXT 0.5 s before the signal.
A fourth closes with 3000 before it. `--silent` more never read, and another client talks until their buffers are full.
Times are seconds from the signal, which goes to the process, or for INT to its group. `--again S`: a SIGTERM every S
seconds until the exit.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import select
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
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{more}\r\n"
)
PATIENCE_S = 75
t0 = 0.0


def shake_hands(port: int, path: str, more: str) -> socket.socket | None:
    """A connection that was answered 101; None while nobody listens."""
    try:
        sock = socket.create_connection(("127.0.0.1", port), timeout=90)
    except ConnectionRefusedError:
        return None
    sock.sendall(HANDSHAKE.format(path=path, port=port, more=more).encode())
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
                print(f"{name}: answers at {now()}{', after the end of TCP' if has_ended(sock) else ''}")
                sock.sendall(masked(8, payload[:2]))
            elif head[0] & 0x0F < 3:
                texts[payload[:60].decode()] += 1
        print(f"{name}: FIN at {now()}; heard {dict(texts)}")
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
    except OSError as error:
        print(f"{name}: {error} at {now()}; heard {dict(texts)}")


def has_ended(sock: socket.socket) -> bool:
    if not select.select([sock], [], [], 0)[0]:  # a socket with a timeout waits in `recv`, whatever flags it is given
        return False
    try:
        return sock.recv(1, socket.MSG_PEEK) == b""
    except ConnectionResetError:
        return True


def fill_buffers(sock: socket.socket | None, say: str) -> None:
    """Say 20 MB in texts of 60 kB, or as much as is read in 5 s."""
    assert sock is not None
    sock.settimeout(5)
    text = say.replace("{name}", "x" * 60_000).encode()
    with contextlib.suppress(OSError):
        for _ in range(350):
            sock.sendall(bytes((0x81, 0x80 | 126)) + struct.pack("!H", len(text)) + bytes(4) + text)


def close_code(sock: socket.socket | None) -> str:
    """What a close with 3000 is answered by."""
    assert sock is not None
    sock.sendall(masked(8, struct.pack("!H", 3000)))
    sock.settimeout(2)
    answer = b""
    with contextlib.suppress(OSError):
        while more := sock.recv(65536):
            answer += more
    at = answer.rfind(b"\x88")
    return f"close frame {struct.unpack('!H', answer[at + 2 : at + 4])[0]}" if at >= 0 else "no close frame"


def now() -> str:
    return f"{time.monotonic() - t0:.3f}"


def main() -> None:
    global t0
    parser = argparse.ArgumentParser()
    parser.add_argument("--path", default="/ws")
    parser.add_argument("--origin", default="")
    parser.add_argument("--header", default="", help="one more line of the handshake")
    parser.add_argument("--say", default="hello from {name}")
    parser.add_argument("--signal", default="TERM", choices=("TERM", "INT"))
    parser.add_argument("--again", type=float)
    parser.add_argument("--silent", type=int, default=0)
    parser.add_argument("command", nargs="+")
    args = parser.parse_args()
    origin = f"Origin: {args.origin}" if args.origin else ""
    more = "".join(f"{line}\r\n" for line in (origin, args.header) if line)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    words = [word.format(port=port, python=sys.executable) for word in shlex.split(" ".join(args.command))]
    server = subprocess.Popen(
        words, start_new_session=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    while (first := shake_hands(port, args.path, more)) is None and server.poll() is None:
        time.sleep(0.05)
    print(f"a close with 3000 was answered by {close_code(shake_hands(port, args.path, more))}")
    clients = [first, *(shake_hands(port, args.path, more) for _ in range(2 + args.silent))]
    t0 = time.monotonic()
    readers = [
        threading.Thread(target=read, args=(sock, f"answers after {delay_s} s", delay_s), daemon=True)
        for sock, delay_s in zip(clients, (0.0, 0.3, 0.8), strict=False)
    ]
    for number, (sock, reader) in enumerate(zip(clients, readers, strict=False)):
        reader.start()
        if sock is not None and args.say:
            sock.sendall(masked(1, args.say.replace("{name}", str(number)).encode()))
    if args.silent:
        fill_buffers(shake_hands(port, args.path, more), args.say)
    time.sleep(0.5)
    t0 = time.monotonic()
    (os.killpg if args.signal == "INT" else os.kill)(server.pid, signal.Signals[f"SIG{args.signal}"])
    while server.poll() is None and time.monotonic() < t0 + PATIENCE_S:
        time.sleep(args.again or 0.01)
        if args.again is not None:
            server.send_signal(signal.SIGTERM)
    print("still running" if server.returncode is None else f"exit status {server.returncode}", f"at {now()}")
    for reader in readers:
        reader.join(1)
    with socket.socket() as again:
        if again.connect_ex(("127.0.0.1", port)) == 0:
            print("somebody listens on its port")
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    print(server.communicate()[0])


if __name__ == "__main__":
    main()
