"""An application of somebody's own, made to drain on uvicorn's command line: `CURED=shop.app:app` names it.

    CURED=shop.app:app uvicorn --factory server.examples.cured:create

`ebb load --against cured` measures the tutorial's server like this, beside itself.
"""

from __future__ import annotations

import os

from uvicorn.importer import import_from_string

from ..middleware.drain_middleware import DrainMiddleware


def create() -> DrainMiddleware:
    """Import the application and wrap it."""
    return DrainMiddleware(import_from_string(os.environ["CURED"]))
