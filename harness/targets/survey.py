"""The survey: a target is started alone, asked what it has, and stopped with nobody connected.

Owns the record of the calm stop. Refuses to know what is asked (`asking`), what follows from the answers (`findings`)
and whether the stop was a good one (`harness.clauses`). Source: the drain contract, *The calm stop is the baseline*.

What the target prints while it is asked about things that it does not have is the harness's doing: the history of the
calm stop begins with the signal.
"""

from __future__ import annotations

import asyncio
import signal
import time

from ..history.record import History
from ..history.terms import environment_of, terms_of
from ..probes.http import fetch
from ..probes.machine import watch_lag, watch_starvation
from ..probes.polling import Probes
from .asking import Asking
from .declaration import Ask, Profile
from .findings import CalmStop, Findings, marker_in
from .target import Target, TargetFailed

LOOK_EVERY_S = 0.02
EXITS_WITHIN_S = 15.0
SEES_WAITS_AFTER_S = 0.2
SILENT_ROUTES = 3  # a server that leaves so many requests without an answer has no HTTP, and is up


async def survey(profile: Profile, ask: Ask) -> tuple[Findings, History]:
    """What the target has and how it stops; the history is that of the calm stop, with the terms that follow from it.

    Raises TargetFailed when it does not come up, or exits while it is asked.
    """
    history = History(terms_of(profile, ask, 1.0))
    asked = profile.changed(ready=None)
    async with Target(asked, history, environment_of(history.terms)) as target:
        await _until_it_answers(target, profile)
        asking = Asking(profile, ask, target)
        await asking.everything()
        target.note_children()
        await target.must_run("while it was asked what it has")
        watches = Probes(target.port, history)
        watches.keep(watch_lag(history))
        if ask.starvation:
            watches.keep(watch_starvation(history, lambda: [target]))
        try:
            stop = await _stop_calmly(target, history)
        finally:
            await watches.stop(0.0)
    findings = asking.findings(stop)
    return findings, _of_the_stop(history, findings.profile, ask)


async def _until_it_answers(target: Target, profile: Profile) -> None:
    """Wait for the first answer to HTTP: a port may accept connections before anybody serves them."""
    patience_ends = time.monotonic() + profile.startup_timeout_s
    silent = 0
    while time.monotonic() < patience_ends and silent < SILENT_ROUTES:
        reply = await fetch(target.port, profile.ready or "/")
        if reply.status is not None or reply.error == "not HTTP":
            return
        silent += reply.error == "timeout"
        await asyncio.sleep(LOOK_EVERY_S)


async def _stop_calmly(target: Target, history: History) -> CalmStop:
    """Told to stop once what it waits for has been seen for a moment: a busy machine excuses what it explains."""
    await asyncio.sleep(SEES_WAITS_AFTER_S)
    began = time.monotonic()
    target.signal(signal.SIGTERM)
    if await target.until_exit(EXITS_WITHIN_S):
        await target.look_behind()
    else:
        history.record(time.monotonic(), "harness", "mark", name="gave up waiting")
        await target.look_behind()
        await target.kill()
    exited = [event for event in history.events if event.what == "exited"]
    gave_up = any(event.what == "mark" for event in history.events)
    printed = [event for event in history.events if event.what == "line"]
    after = [event.detail["text"] for event in printed if event.t >= began]
    marker = marker_in(after)
    shutdowns = sum(marker in line for line in after) if marker else 0
    if gave_up or not exited:
        return CalmStop(None, None, len(printed), marker, shutdowns, len(target.pids()))
    return CalmStop(exited[0].t - began, target.status, len(printed), marker, shutdowns, len(target.pids()))


def _of_the_stop(survey: History, found: Profile, ask: Ask) -> History:
    """The calm stop alone, judged by what was found."""
    history = History(terms_of(found, ask, 1.0))
    asked_at = min((event.t for event in survey.events if event.what == "ready"), default=0.0)
    for t, who, what, detail in survey.events:
        if what != "line" or t <= asked_at or (survey.t0 is not None and t >= survey.t0):
            history.record(t, who, what, **detail)
    return history


__all__ = ["TargetFailed", "survey"]
