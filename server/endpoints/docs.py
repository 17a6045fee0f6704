"""`/docs`: FastAPI's description of what HTTP answers, for people.

Owns where it is served. Its scripts come from the wheel of fastapi-offline, not from a CDN; where that is not
installed there is no such page. Refuses to know what is described. The WebSocket side is in `docs/asyncapi.json`.
"""

from __future__ import annotations

from fastapi import FastAPI

PATH = "/docs"


def add_docs(app: FastAPI) -> None:
    """Add the page, if its scripts are installed. `app` has been made without pages of that kind."""
    try:
        from fastapi_offline import FastAPIOffline
    except ImportError:
        return
    page = FastAPIOffline(docs_url="/", redoc_url=None, title=app.title, root_path_in_servers=False)
    page.openapi = app.openapi  # type: ignore[method-assign]
    app.mount(PATH, page)
