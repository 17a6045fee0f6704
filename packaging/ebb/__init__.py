"""Ebb: a judge, a cure and a model for WebSocket servers that are told to stop.

Owns the names that are imported from `ebb` itself; the server and the harness are `ebb.server` and `ebb.harness`.
Nothing of either is imported before it is asked for: `DrainMiddleware` is there by itself, all else needs an extra,
`pip install 'ebb-ws[server]'`, `[harness]`, or `[all]`.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .server.app import create_app
    from .server.endpoints.http import Publisher
    from .server.middleware.drain_middleware import DrainMiddleware
    from .server.settings import Settings

__all__ = ["DrainMiddleware", "Publisher", "Settings", "__version__", "create_app"]

__version__ = version("ebb-ws")

_HOMES = {
    "create_app": "server.app",
    "DrainMiddleware": "server.middleware.drain_middleware",
    "Publisher": "server.endpoints.http",
    "Settings": "server.settings",
}


def __getattr__(name: str) -> Any:
    """Import a public name from its home, when it is first asked for."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOMES[name]}", __package__), name)
