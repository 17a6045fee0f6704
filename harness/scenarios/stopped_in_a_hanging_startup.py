"""A server that is told to stop while its startup hangs, waiting for a database say, exits at once all the same.

Source: the drain contract, clause 24; uvicorn itself waits for a startup however long it hangs.
"""

from __future__ import annotations

from dataclasses import replace

from . import stopped_in_startup

SCENARIO = replace(
    stopped_in_startup.SCENARIO,
    name="stopped_in_a_hanging_startup",
    position=100,
    story=__doc__,
    words={"startup": "hanging"},
)
