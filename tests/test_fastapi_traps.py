"""What the FastAPI code of the first documents does with the FastAPI that is installed; `docs/origins.md` cites it.

Each test is a trap: when it fails, a new version has made it none, and the page is to be changed.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from json import JSONDecodeError
from typing import Any

import pytest
from fastapi import BackgroundTasks, FastAPI, WebSocket, WebSocketDisconnect
from fastapi.testclient import TestClient
from uvicorn.protocols.utils import ClientDisconnected


@pytest.fixture
def app() -> FastAPI:
    return FastAPI()


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as started:
        yield started


# ---- A list of connections, or a dict ----


async def test_a_loop_over_the_live_list_passes_over_the_client_after_one_that_leaves_meanwhile():
    clients, told = ["first", "second", "third"], []
    for each in clients:
        told.append(each)
        asyncio.get_running_loop().call_soon(lambda: "first" in clients and clients.remove("first"))
        await asyncio.sleep(0)  # as `await send_text` may

    assert told == ["first", "third"]


async def test_what_is_raised_for_a_client_that_has_just_gone_is_no_runtime_error():
    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "websocket.send":
            raise ClientDisconnected  # as uvicorn does

    websocket = WebSocket({"type": "websocket"}, receive, send)
    await websocket.accept()
    with pytest.raises(WebSocketDisconnect) as first:
        await websocket.send_text("the first one after it has gone")

    assert not isinstance(first.value, RuntimeError)
    with pytest.raises(RuntimeError):
        await websocket.send_text("the next one")


def test_deleting_by_session_id_forgets_the_newer_connection_too(app: FastAPI, client: TestClient):
    connections: dict[str, WebSocket] = {}
    left: list[object] = []
    gone = threading.Event()

    @app.websocket("/ws/{session_id}")
    async def endpoint(websocket: WebSocket, session_id: str) -> None:
        await websocket.accept()
        connections[session_id] = websocket
        await websocket.send_text("open")
        try:
            await websocket.receive_text()
        except WebSocketDisconnect:
            try:
                del connections[session_id]
            except KeyError as error:
                left.append(repr(error))
            else:
                left.append(dict(connections))
            gone.set()

    with client.websocket_connect("/ws/ann") as older:
        older.receive_text()
        with client.websocket_connect("/ws/ann") as newer:
            newer.receive_text()
            older.close()
            assert gone.wait(10)
            assert left == [{}]  # though the newer one is there

    assert left == [{}, "KeyError('ann')"]


# ---- What FastAPI does not do in a WebSocket endpoint ----


def test_a_background_task_of_a_websocket_endpoint_never_runs(app: FastAPI, client: TestClient):
    done: list[str] = []

    @app.get("/")
    async def route(background_tasks: BackgroundTasks) -> None:
        background_tasks.add_task(done.append, "of a route")

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket, background_tasks: BackgroundTasks) -> None:
        await websocket.accept()
        background_tasks.add_task(done.append, "of a WebSocket endpoint")

    with client.websocket_connect("/ws"):
        pass
    client.get("/")

    assert done == ["of a route"]


def test_what_iterates_over_messages_never_sees_the_disconnect(app: FastAPI, client: TestClient):
    reached: list[str] = []

    @app.websocket("/ws")
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        try:
            async for _ in websocket.iter_json():
                pass
            reached.append("what follows the loop")
        except WebSocketDisconnect:
            reached.append("except WebSocketDisconnect")

    with client.websocket_connect("/ws"):
        pass

    assert reached == ["what follows the loop"]


def test_a_path_after_one_with_a_numeric_parameter_is_not_reached(app: FastAPI, client: TestClient):
    @app.websocket("/ws/{client_id}")
    async def numeric(websocket: WebSocket, client_id: int) -> None:
        await websocket.accept()

    @app.websocket("/ws/json")
    async def json(websocket: WebSocket) -> None:
        await websocket.accept()

    with pytest.raises(WebSocketDisconnect) as refused, client.websocket_connect("/ws/json"):
        pass

    assert refused.value.code == 1008


@pytest.mark.parametrize(
    ("text", "error"),
    [("no json", JSONDecodeError), ("[1]", AttributeError), ('{"action": "chat"}', KeyError)],
)
def test_one_text_of_the_wrong_kind_ends_the_handler_of_a_json_endpoint(
    app: FastAPI, client: TestClient, text: str, error: type[Exception]
):
    @app.websocket("/ws/json")
    async def endpoint(websocket: WebSocket) -> None:
        await websocket.accept()
        while True:
            data = await websocket.receive_json()
            if data.get("action") == "chat":
                await websocket.send_json({"echo": data["msg"]})

    def say() -> None:
        with client.websocket_connect("/ws/json") as connection:
            connection.send_text(text)

    with pytest.raises(error):
        say()
