"""The launcher: `python -m server`, alone or with several workers, and an exit status of its own.

It serves the reference server, or an application of somebody's own, `python -m server MODULE:APP`, which it makes drain
as `DrainMiddleware` does.

Owns the command line (an option for every setting, and uvicorn's own where they matter to a WebSocket), and what the
process says to its supervisor by its status: 0 drained, evicted or stopped during startup, 130 forced by an operator, 1
a wrong setting or a port that cannot be bound, 2 bad usage, 3 it could not start. With `--workers N` it becomes the
parent of N processes that were started by the same command (see `workers.parent`).

Measured on uvicorn 0.54: it raises each signal again after it has shut down, so that a process ends with -15; hence a
handler of our own is in place before and after, and the signals are ignored at the very end.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

import uvicorn
from uvicorn.importer import ImportFromStringError, import_from_string

from .access.configured import check_access
from .brokers import has_password
from .certificate import Renewal, check_certificate
from .connections.asgi import ASGIApp
from .drain.shutdown import Shutdown
from .logs import set_up_logs
from .middleware.drain_middleware import DrainMiddleware
from .protocol.bounds import Bounds
from .protocol.install import install
from .serving import Server
from .settings import PREFIX, DrainSettings, OneLineParser, Settings, load
from .workers import parent
from .workers.listeners import CannotListen, shared
from .workers.orders import FORCED
from .workers.worker_server import WorkerServer

SIGNALS = (signal.SIGINT, signal.SIGTERM)
# Connections that the kernel keeps until they are accepted: as many as `net.core.somaxconn` says, 4096. Whoever
# finds no place tries again a second later, then after two more. Measured: of 10,000 clients that come at once the last
# is in after 2.4 s (1.9 to 2.9 in three runs), with uvicorn's 2048 after 3.2 s (2.2 to 3.2).
BACKLOG = 65_535


def main(argv: Sequence[str] | None = None, prog: str = f"python -m {__package__}") -> NoReturn:
    """Serve until told to stop, and exit."""
    args = parse(argv, prog)
    if args.ready_fd is None:  # otherwise the parent has done so, and has changed some since
        for name in Settings.model_fields:
            if (value := getattr(args, name, None)) is not None:
                os.environ[PREFIX + name.upper()] = value
    check_certificate(args.ssl_certfile, args.ssl_keyfile)
    if args.app is None:
        check_access(args.host, load())
    if args.ready_fd is None and args.workers > 1:
        again = sys.orig_argv[1:] if argv is None else ["-m", __package__, *argv]
        scheme = "https" if args.ssl_certfile else "http"
        command = [sys.executable, *again]
        ours = args.app is None
        watched = (Path(__file__).parent if ours else Path.cwd()) if args.reload else None
        status = parent.main(args.workers, command, args.host, args.port, scheme, ours, args.metrics_port, watched)
    else:
        status = serve(args, load())
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(status)


def serve(args: argparse.Namespace, settings: Settings) -> int:
    """Serve in this process until drained; return the exit status."""
    app, shutdown = application(args.app, settings)
    config = configure(app, args, settings)
    if args.app is not None and settings.protocol == "ebb":  # the reference server does so by itself
        config.load()
        install(config, Bounds(close_s=settings.close_timeout_s))
    set_up_logs(settings.log_level, settings.log_format, settings.worker)
    if args.ready_fd is None:
        if args.ssl_certfile is not None:
            signal.signal(signal.SIGHUP, Renewal(config))
        return run(shutdown, Server(config))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # for the parent, though a supervisor may send it to everyone
    server = WorkerServer(config, args.ready_fd, args.lifeline_fd)
    try:
        sockets = shared(args.host, args.port)
    except CannotListen as error:
        raise SystemExit(str(error)) from None
    status = run(shutdown, server, sockets)
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    return status


def application(name: str | None, settings: Settings) -> tuple[ASGIApp, Shutdown]:
    """The reference server, or the application called `name`, and the drain of it.

    Exits with status 1 and one line where there is none of this name.
    """
    if name is None:
        from .app import create_app  # with FastAPI: half of the start of a process, of which a parent has no need

        reference = create_app(settings)
        return reference, reference.state.shutdown
    sys.path.insert(0, os.getcwd())
    try:
        theirs: ASGIApp = import_from_string(name)
    except ImportFromStringError as error:
        raise SystemExit(f"cannot serve {name}: {error}") from None
    cured = DrainMiddleware(theirs, **settings.model_dump(include=set(DrainSettings.model_fields)))
    cured.shutdown.worker = settings.worker
    return cured, cured.shutdown


def run(shutdown: Shutdown, server: uvicorn.Server, sockets: list[socket.socket] | None = None) -> int:
    """Run uvicorn until it has drained; return the exit status."""

    def hand_on(number: int, frame: FrameType | None) -> None:
        server.handle_exit(number, frame)

    for each in SIGNALS:
        signal.signal(each, hand_on)
    server.run(sockets)
    return FORCED if shutdown.forced else 0


def configure(app: ASGIApp, args: argparse.Namespace, settings: Settings) -> uvicorn.Config:
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
        backlog=BACKLOG,
    )


def a_count(text: str) -> int:
    """Read how many."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not allowed: 1 or more")
    return int(text)


def a_port(text: str) -> int:
    """Read a TCP port."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text} is not allowed: 0 to 65535")
    return int(text)


def parse(argv: Sequence[str] | None, prog: str) -> argparse.Namespace:
    """Read the command line. Exits with 2 on bad usage."""
    parser = OneLineParser(
        prog=prog,
        description="Serve WebSocket clients, and drain them when told to stop (SIGTERM, SIGINT).",
        epilog="Exit: 0 drained, evicted or stopped during startup; 130 forced by a later SIGINT; 1 wrong setting.",
    )
    app_help = "an ASGI application of yours, which is drained as DrainMiddleware does (default: the reference server)"
    parser.add_argument("app", nargs="?", metavar="MODULE:APP", help=app_help)
    parser.add_argument("--host", default="127.0.0.1", help="address to bind (default 127.0.0.1)")
    parser.add_argument("--port", type=a_port, default=8000, help="port to bind, 0 for any (default 8000)")
    workers_help = "processes that serve on the port (default 1); SIGHUP replaces them one by one"
    parser.add_argument("--workers", type=a_count, default=1, metavar="N", help=workers_help)
    metrics_help = "port at which the parent of several workers serves the metrics of all (default: none; 0 for any)"
    parser.add_argument("--metrics-port", type=a_port, metavar="PORT", help=metrics_help)
    reload_help = "replace the workers when a source file changes: the server's, or one in the current folder"
    parser.add_argument("--reload", action="store_true", help=reload_help)
    parser.add_argument("--access-log", action="store_true", help="write a line for each HTTP request")
    parser.add_argument("--limit-max-requests", type=int, metavar="N", help="drain and exit after N HTTP requests")
    parser.add_argument("--ws-ping-interval", type=float, default=20.0, metavar="S", help="0 for none (default 20)")
    parser.add_argument("--ws-ping-timeout", type=float, default=20.0, metavar="S", help="0 for none (default 20)")
    parser.add_argument("--ssl-certfile", metavar="F", help="serve over TLS; SIGHUP reads it again")
    parser.add_argument("--ssl-keyfile", metavar="F")
    parser.add_argument("--ready-fd", type=int, help=argparse.SUPPRESS)  # from the parent: to say ready,
    parser.add_argument("--lifeline-fd", type=int, help=argparse.SUPPRESS)  # and what ends with the parent
    group = parser.add_argument_group("settings", f"each is also an environment variable, {PREFIX}NAME")
    for name, field in Settings.model_fields.items():
        if name in ("worker", "token"):
            continue  # the parent's own word; and everybody here can read a command line
        shown = f"{field.description} (default {field.default})".replace("%", "%%")
        group.add_argument(f"--{name.replace('_', '-')}", metavar="X", help=shown)
    args = parser.parse_args(argv)
    if args.broker_url is not None and has_password(args.broker_url):
        parser.error(f"everybody here can read a password on a command line: put the URL into {PREFIX}BROKER_URL")
    if args.metrics_port is not None and (args.workers == 1 or args.app is not None):
        parser.error("--metrics-port is for several --workers of the reference server")
    if args.reload and args.workers == 1:
        parser.error("--reload is for several --workers: one serves until its successor does")
    return args
