"""Each publish has a span that is linked to the handshake of its sender; a connection has none."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanContext

from server import app as application
from server.app import create_app
from server.brokers.broker import BrokerUnavailable
from server.settings import Settings
from server.tracing import Tracing

THEIRS = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Traced:
    """A server, and the spans that it made."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        app = create_app(Settings(notify_interval_s=0, tracing=True))
        self.hub = app.state.hub
        self.hub.tracing = Tracing(provider)
        self.client = TestClient(app)

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self._exporter.get_finished_spans() if span.name == name]


def context(span: ReadableSpan) -> SpanContext:
    found = span.get_span_context()
    assert found is not None
    return found


def test_each_publish_is_linked_to_the_handshake_of_its_sender_which_belongs_to_the_trace_of_its_request():
    traced = Traced()
    with traced.client as client, client.websocket_connect("/ws/ann", headers={"traceparent": THEIRS}) as ann:
        for text in ("one", "two"):
            ann.send_text(text)
            ann.receive_text()
        handshakes, publishes = traced.spans("handshake"), traced.spans("publish")

    (handshake,) = handshakes
    assert handshake.attributes == {"url.path": "/ws/ann"}
    assert f"{context(handshake).trace_id:032x}" == THEIRS.split("-")[1]
    assert [[link.context for link in publish.links] for publish in publishes] == [[context(handshake)]] * 2
    assert [dict(publish.attributes or {}) for publish in publishes] == [{"ebb.seq": 1}, {"ebb.seq": 2}]
    assert len({context(publish).trace_id for publish in publishes}) == 2, (
        "a trace for each, however long it is connected"
    )


def test_what_is_published_over_http_is_linked_to_nothing_and_names_its_room():
    traced = Traced()
    with traced.client as client:
        client.post("/rooms/kitchen/messages", json={"data": "hello"})

    (publish,) = traced.spans("publish")
    assert (dict(publish.attributes or {}), list(publish.links)) == ({"ebb.seq": 1, "ebb.room": "kitchen"}, [])


def test_a_publish_that_fails_says_so(monkeypatch: pytest.MonkeyPatch):
    traced = Traced()

    async def fail(_: object) -> int:
        raise BrokerUnavailable("the broker is away")

    monkeypatch.setattr(traced.hub.broker, "publish", fail)
    with traced.client as client:
        assert client.post("/broadcast", json={"data": "hello"}).status_code == 503

    (publish,) = traced.spans("publish")
    assert publish.status.description == "BrokerUnavailable: the broker is away"


def test_without_opentelemetry_the_process_ends_with_one_line(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(application, "find_spec", lambda _: None)
    with pytest.raises(SystemExit, match=r"^SERVER_TRACING needs opentelemetry-api: pip install 'ebb-ws\[otel\]'$"):
        create_app(Settings(tracing=True))


def test_nothing_is_traced_unless_it_is_asked_for():
    assert create_app(Settings()).state.hub.tracing is None
