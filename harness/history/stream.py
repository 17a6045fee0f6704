"""The life of one long HTTP response, put together from its events: an event stream, or a download.

Owns: `StreamView`, and `apart`, which takes the events of streams out of all events. Refuses to know: the drain,
limits, verdicts, and how an event stream is read.

Rules. A stream is a client as well (contract, *Long responses*): it was *opened* with a 2xx, *left* when its client
ended the connection, and was *evicted* when the server ended the response, properly or not. Its name may be used again:
then it was asked for anew. It has no WebSocket, and so it is in no list of connections. Source: RFC 9112 §6.3 and §8
(how a body ends, and when it is incomplete); HTML, *Server-sent events* (events end with a blank line).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from .client import GAVE_UP, ClientView, End, HandshakeOutcome
from .events import Event

EVENT_STREAM = "text/event-stream"


@dataclass(slots=True, eq=False)
class StreamView(ClientView):
    """One request for a long response and, if it was answered with one, the life of that response.

    `events`: when each event came that was no notice. `complete`: the body came to its end as HTTP has it.
    `between`: what came last was the end of an event.
    """

    content_type: str = ""
    events: list[float] = field(default_factory=list)
    complete: bool = False
    between: bool = True

    @property
    def tells_events(self) -> bool:
        """Whether it is an event stream; a download otherwise."""
        return self.content_type.partition(";")[0].strip().lower() == EVENT_STREAM

    def settle(self, event: Event) -> None:
        """Note the answer to the request."""
        status, retry_after, error = (event.detail.get(key) for key in ("status", "retry_after", "error"))
        self.outcome = HandshakeOutcome(event.t, event.what, status, retry_after, error)
        self.content_type = event.detail.get("content_type", "")
        self.local_port = event.detail.get("local_port")

    def note(self, event: Event) -> None:
        """Add one event. Raises ValueError for a kind that no stream records."""
        t, _, what, detail = event
        if what in ("opened", "refused", "failed"):
            self.settle(event)
        elif what == "event":
            self.events.append(t)
        elif what == "notice":
            self.notices.append(event)
        elif what == "ended":
            self.ended, self.complete, self.between = End(t, detail["how"]), detail["complete"], detail["between"]
        else:
            raise ValueError(f"{self.name} recorded {what!r} at {t:.3f} s, which no stream does")


def apart(events: Iterable[Event]) -> tuple[list[StreamView], list[Event]]:
    """The streams, one view for each request, and all events that are not about streams."""
    streams: list[StreamView] = []
    newest: dict[str, StreamView] = {}
    others: list[Event] = []
    gave_up = False
    for event in events:
        who, what = event.who, event.what
        if what == "requesting":
            newest[who] = StreamView(who, event.detail["persona"], False, event.t)
            streams.append(newest[who])
        elif who not in newest:
            others.append(event)
            gave_up = gave_up or (what == "mark" and GAVE_UP in event.detail["name"])
        elif not gave_up:
            newest[who].note(event)
    return streams, others
