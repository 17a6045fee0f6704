"""The page at `/`: a client of this service to look at, and to try it with.

Owns its files in `web/` (plain modules, no build step) and the policy under which a browser runs them. The client in
`web/client/` is that of `clients/typescript`, compiled. Refuses to know the server: the page speaks the wire, as every
client does.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from os import PathLike, stat_result
from pathlib import Path
from urllib.parse import urlsplit

from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "web"


class Files(StaticFiles):
    """What the page is made of. A browser asks each time whether it has changed: modules of two versions do not mix."""

    def file_response(
        self, full_path: str | PathLike[str], stat_result: stat_result, scope: Scope, status_code: int = 200
    ) -> Response:
        """Answer with one file."""
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update({"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"})
        return response


def policy(places: Sequence[str]) -> str:
    """What a browser may load and reach for the page: this server, and the WebSockets of `places` (URLs).

    Content Security Policy Level 3: there `'self'` covers `ws:` of the same host and port.
    """
    hosts = " ".join(["'self'", *sorted({f"{url.scheme}://{url.netloc}" for url in map(urlsplit, places)})])
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src {hosts}; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def add_page(app: FastAPI, places: Sequence[str], guarded: bool = False) -> None:
    """Add the page. It moves between `places`, URLs as `wss://host/ws`; without any it stays on its own host.

    `guarded`: it asks for a token.
    """
    page = (FOLDER / "index.html").read_text(encoding="utf-8")
    for name, content in (("places", ",".join(places)), ("auth", "token" if guarded else "")):
        page = page.replace(f'<meta name="{name}" content="">', f'<meta name="{name}" content="{escape(content)}">')
    headers = {
        "Cache-Control": "no-cache",
        "Content-Security-Policy": policy(places),
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
    }

    @app.get("/", response_class=HTMLResponse)
    async def show_page() -> HTMLResponse:
        """The page: connect, send, watch, see the drain coming, and be moved."""
        return HTMLResponse(page, headers=headers)

    app.mount("/page", Files(directory=FOLDER))
