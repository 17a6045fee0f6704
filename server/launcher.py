"""The launcher: one uvicorn Server in this process, with an exit status of its own.

Owns the command line (an option for every setting, and uvicorn's own where they matter to a WebSocket), and what the
process says to its supervisor: 0 drained, evicted or stopped during startup, 130 forced by an operator, 1 a wrong
setting, 2 bad usage, 3 it could not start.

Measured on uvicorn 0.54: it raises each signal again after it has shut down, so that a process ends with -15; hence a
handler of our own is in place before and after, and the signals are ignored at the very end.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType
from typing import NoReturn

import uvicorn
from fastapi import FastAPI

from server.app import create_app
from server.logs import set_up_logs
from server.settings import PREFIX, Settings, load

SIGNALS = (signal.SIGINT, signal.SIGTERM)
FORCED = 130


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Serve until told to stop, and exit."""
    args = parse(argv)
    for name in Settings.model_fields:
        if (value := getattr(args, name)) is not None:
            os.environ[PREFIX + name.upper()] = value
    settings = load()
    app = create_app(settings)
    config = configure(app, args, settings)
    set_up_logs(settings.log_level, settings.log_format)
    status = run(app, config)
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(status)


def run(app: FastAPI, config: uvicorn.Config) -> int:
    """Serve until drained; return the exit status."""
    server = uvicorn.Server(config)

    def hand_on(number: int, frame: FrameType | None) -> None:
        server.handle_exit(number, frame)

    for each in SIGNALS:
        signal.signal(each, hand_on)
    server.run()
    return FORCED if app.state.shutdown.forced else 0


def configure(app: FastAPI, args: argparse.Namespace, settings: Settings) -> uvicorn.Config:
    """Choose what suits a WebSocket server: no compression (it costs half of the speed), pings as asked for."""
    return uvicorn.Config(
        app,
        host=args.host,
        port=args.port,
        log_level=settings.log_level,
        access_log=args.access_log,
        limit_max_requests=args.limit_max_requests,
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        proxy_headers=False,
        ws_ping_interval=args.ws_ping_interval or None,
        ws_ping_timeout=args.ws_ping_timeout or None,
        ssl_certfile=args.ssl_certfile,
        ssl_keyfile=args.ssl_keyfile,
    )


def parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line. Exits with 2 on bad usage."""
    parser = argparse.ArgumentParser(
        prog="python -m server",
        description="Serve WebSocket clients, and drain them when told to stop (SIGTERM, SIGINT).",
        epilog="Exit: 0 drained, evicted or stopped during startup; 130 forced by a later SIGINT; 1 wrong setting.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8000, help="port to bind, 0 for any (default 8000)")
    parser.add_argument("--access-log", action="store_true", help="write a line for each HTTP request")
    parser.add_argument("--limit-max-requests", type=int, metavar="N", help="drain and exit after N HTTP requests")
    parser.add_argument("--ws-ping-interval", type=float, default=20.0, metavar="S", help="0 for none (default 20)")
    parser.add_argument("--ws-ping-timeout", type=float, default=20.0, metavar="S", help="0 for none (default 20)")
    parser.add_argument("--ssl-certfile", metavar="F", help="serve over TLS")
    parser.add_argument("--ssl-keyfile", metavar="F")
    group = parser.add_argument_group("settings", f"each is also an environment variable, {PREFIX}NAME")
    for name, field in Settings.model_fields.items():
        shown = f"{field.description} (default {field.default})".replace("%", "%%")
        group.add_argument(f"--{name.replace('_', '-')}", metavar="X", help=shown)
    return parser.parse_args(argv)
