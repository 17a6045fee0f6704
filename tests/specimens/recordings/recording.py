"""One real run of the healthy reference server, and how a fault is put into it.

Owns `Recording`: what is found in a run, and its edits. Each edit leaves a recording as it is and gives another one, in
which the events are in order of time again. Refuses to know clauses and what a fault is.

What was recorded of the machine (how late the harness's loop was, how long the target waited for a core) is left out:
what a recorded specimen fails must be its fault, and nothing may excuse it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from math import inf

from harness.history.client import ClientView
from harness.history.drain import Drain
from harness.history.events import Event
from harness.history.record import History

OF_THE_MACHINE = frozenset({"lag", "starved"})
CLOSING = ("close_received", "close_sent", "ended")
BLUR_S = 0.05  # what comes so soon after a close that is moved forward came before it
ENVELOPES = "ebb.v1"
REPORT = "drain.report"
LEFT = re.compile(r"\d+(?= connections left)")


class Recording:
    """A run of one target, or of several hosts (which have no `seen`). Times in seconds, monotonic."""

    def __init__(self, history: History) -> None:
        self.history = history

    @classmethod
    def of(cls, history: History) -> Recording:
        """A run as if the machine had never been busy."""
        return cls(history).without(*(event for event in history.events if event.what in OF_THE_MACHINE))

    @cached_property
    def seen(self) -> Drain:
        """The run as the judges are given it."""
        assert self.history.drain is not None, "the target was told to stop"
        return self.history.drain

    # what is found in it

    def events(self, who: str, *what: str, since: float = -inf, until: float = inf) -> list[Event]:
        """What somebody recorded, of all kinds or of these, in order of time."""
        found = (event for event in self.history.events if event.who == who and since <= event.t < until)
        return sorted((event for event in found if not what or event.what in what), key=lambda event: event.t)

    def first(self, who: str, *what: str, since: float = -inf) -> Event:
        """The first of them."""
        return self.events(who, *what, since=since)[0]

    def last(self, who: str, *what: str, until: float = inf) -> Event:
        """The last of them."""
        return self.events(who, *what, until=until)[-1]

    def while_evicting(self, who: str, *what: str) -> Event:
        """Of what somebody recorded while clients were evicted, the one in the middle."""
        found = self.events(who, *what, since=self.seen.evicts_at, until=self.seen.reader_evictions[-1][0])
        return found[len(found) // 2]

    def stayers(self, persona: str = "") -> list[ClientView]:
        """The reading clients that were evicted, of all personas or of one, in that order."""
        return [client for _, client in self.seen.reader_evictions if persona in ("", client.persona)]

    def subprotocol(self, name: str) -> str | None:
        """The subprotocol that a client offered."""
        offered: str | None = self.first(name, "connecting").detail["subprotocol"]
        return offered

    def there(self, t: float) -> int:
        """How many connections stood at a moment."""
        ends = ((client, inf if client.ended is None else client.ended.t) for client in self.seen.connections)
        return sum(client.opened_at is not None and client.opened_at <= t < end for client, end in ends)

    # how it is edited

    def without(self, *events: Event) -> Recording:
        """The same without some events."""
        return self._with({id(event): [] for event in events})

    def plus(self, t: float, who: str, what: str, **detail: object) -> Recording:
        """The same with one event more."""
        return self._with({}, Event(t, who, what, detail))

    def changed(self, *events: Event, **detail: object) -> Recording:
        """The same with other details of some events; `t` is when they happened."""
        t = detail.pop("t", None)
        return self._with({id(e): [Event(e.t if t is None else t, e.who, e.what, e.detail | detail)] for e in events})

    def moved(self, by_s: float, events: Iterable[Event]) -> Recording:
        """The same with some events so much later, and what began with them; earlier where it is negative."""
        return self._with({id(event): [_later(event, by_s)] for event in events})

    def paused(self, at: float, by_s: float) -> Recording:
        """The same with a pause: whatever happened from a moment on comes so much later."""
        return self.moved(by_s, [event for event in self.history.events if event.t >= at])

    def closed_at(self, t: float, *clients: ClientView) -> Recording:
        """The same with these clients closed by the server at a moment, earlier than they were."""
        edited = self
        for client in clients:
            closing = self.events(client.name, *CLOSING)
            rest = [event for event in self.events(client.name, since=t) if event not in closing]
            just_before = [event for event in rest if event.what == "heard" and event.t < t + BLUR_S]
            edited = edited.without(*(event for event in rest if event not in just_before))
            edited = edited.changed(*just_before, t=t).moved(t - closing[0].t, closing)
        return edited

    def exits_at(self, t: float) -> Recording:
        """The same with a later exit: with it come its last lines, and what the harness did after it."""
        exited_at, gone = self.first("target", "exited").t, self.seen.clients_gone_at - BLUR_S
        late = [each for each in self.history.events if each.t >= (gone if each.what == "line" else exited_at)]
        return self.moved(t - exited_at, late)

    def recounted(self, before: Recording) -> Recording:
        """The same, after an edit, with progress lines and a gauge that count the connections as they are by it.

        A gauge was read a little before its answer came: one that did not grow does not grow by the edit either.
        """
        instead: dict[int, list[Event]] = {}
        gauge, recounted = -inf, -inf
        for event in self.events("target", "line") + self.events("metrics", "answered"):
            by = self.there(event.t) - before.there(event.t)
            if event.what == "line" and (found := LEFT.search(event.detail["text"])):
                text = LEFT.sub(str(int(found[0]) + by), event.detail["text"])
                instead[id(event)] = [event._replace(detail=event.detail | {"text": text})]
            elif event.what == "answered" and event.detail["connections"] is not None:
                grew, gauge = event.detail["connections"] > gauge, event.detail["connections"]
                recounted = gauge + by if grew else min(gauge + by, recounted)
                instead[id(event)] = [event._replace(detail=event.detail | {"connections": recounted})]
        return self._with(instead)

    def reported(self, **by: int) -> Recording:
        """The same with numbers in the final report that are so much higher."""
        line = next(line for line in self.events("target", "line") if REPORT in line.detail["text"])
        before, brace, told = line.detail["text"].partition("{")
        report = json.loads(brace + told)
        more = {name: report[name] + number for name, number in by.items()}
        return self.changed(line, text=before + json.dumps(report | more))

    def _with(self, instead: Mapping[int, Sequence[Event]], *more: Event) -> Recording:
        """The same with others in the place of some events, by their `id`."""
        history = History(self.history.terms)
        edited = [new for event in self.history.events for new in instead.get(id(event), [event])]
        history.events = sorted([*edited, *more], key=lambda event: event.t)
        history.t0 = self.history.t0
        return Recording(history)


def _later(event: Event, by_s: float) -> Event:
    began = {"began": event.detail["began"] + by_s} if "began" in event.detail else {}
    return event._replace(t=event.t + by_s, detail=event.detail | began)
