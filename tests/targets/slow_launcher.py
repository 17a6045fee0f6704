"""The launcher with a startup that takes long: `python -m tests.targets.slow_launcher slow|hanging OPTIONS`."""

from __future__ import annotations

import sys
from functools import partial

from server import launcher
from tests.targets.slow_startup import hangs, takes_long

if __name__ == "__main__":
    startup = {"slow": takes_long, "hanging": hangs}[sys.argv.pop(1)]
    launcher.create_app = partial(launcher.create_app, lifespan=startup)
    launcher.main()
