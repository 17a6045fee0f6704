"""A page as NiceGUI's documentation begins: a label and a button, and `ui.run`."""

from __future__ import annotations

import sys

from nicegui import ui

ui.label("Hello NiceGUI!")
ui.button("BUTTON", on_click=lambda: ui.notify("button was pressed"))

ui.run(port=int(sys.argv[1]), show=False, reload=False)
