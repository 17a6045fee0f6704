"""What all tests of the harness share."""

from __future__ import annotations

import asyncio

# looptime asks the policy for a loop before the first test has one, and the policy then makes one that
# nobody closes. A policy that has been told "none" makes none.
asyncio.set_event_loop(None)
