"""`python -m clients.python`: the command `ebb client`, from a checkout."""

from __future__ import annotations

import sys

from .terminal.cli import main

if __name__ == "__main__":
    sys.exit(main())
