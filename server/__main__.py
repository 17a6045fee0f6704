"""`python -m server`: the launcher. Signals are taken care of before anything else is imported."""

from __future__ import annotations

import os
import signal

if __name__ == "__main__":  # and not in the processes of a pool, which import this module again
    for each in (signal.SIGINT, signal.SIGTERM):  # nothing has begun yet that would have to be ended
        signal.signal(each, lambda *_: os._exit(0))

    from .launcher import main

    main()
