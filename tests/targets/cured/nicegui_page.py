"""A page of NiceGUI, under its own `ui.run`: on a restart each browser is told, and reloads at a moment of its own."""

from __future__ import annotations

import json
import sys

from nicegui import app, ui

from server.middleware.drain_middleware import DrainMiddleware


@ui.page("/")
def page():
    ui.label("Hello NiceGUI!")


def restarting(scope, seconds_left, reconnect_after_s):
    say = f"Quasar.Notify.create('This server restarts in {seconds_left:.0f} s')"
    move = f"setTimeout(() => location.reload(), 1000 * {reconnect_after_s})"
    return "42" + json.dumps(["run_javascript", {"code": f"{say}; {move}"}])


app.add_middleware(DrainMiddleware, on_drain=restarting)
ui.run(port=int(sys.argv[1]), show=False, reload=False)
