"""The schemas are those of the models, and are true of what is said."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from jsonschema import Draft202012Validator

from server import schema
from server.app import create_app
from server.endpoints.heavy import prove_work
from server.messages import sessions, wire
from server.messages.catalogue import CHANNELS, CLIENT_EXAMPLES, EXAMPLES, Channel
from server.messages.schemas import UNIONS, asyncapi, messages, name_of
from server.settings import Settings

ROOT = Path(schema.__file__).parent.parent
SCHEMA = messages()
DEFINITIONS = SCHEMA["$defs"]
TAGS = ("type", "status", "action")
MODELS = [
    model
    for module in (wire, sessions)
    for model in vars(module).values()
    if isinstance(model, type) and issubclass(model, wire.ServerMessage | wire.ClientMessage)
    if set(TAGS) & model.model_fields.keys()
]


@pytest.fixture(scope="module")
def client():
    with TestClient(create_app(Settings(notify_interval_s=0))) as client:
        yield client


def errors_of(said: object, name: str) -> list[str]:
    there = {**SCHEMA, "anyOf": [{"$ref": f"#/$defs/{name}"}]}
    return [error.message for error in Draft202012Validator(there).iter_errors(said)]


@pytest.mark.parametrize(("which", "file"), [("messages", "docs/wire.schema.json"), ("asyncapi", "docs/asyncapi.json")])
def test_a_schema_is_printed_as_it_is_committed(which: str, file: str, capsys: pytest.CaptureFixture[str]):
    assert schema.main([which]) == 0
    assert capsys.readouterr().out == (ROOT / file).read_text()


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_message_is_in_the_schemas_and_its_tag_is_a_required_literal(model: type):
    described = DEFINITIONS[model.__name__]
    (tag,) = set(TAGS) & described["properties"].keys()
    assert "const" in described["properties"][tag]
    assert "default" not in described["properties"][tag]
    assert tag in described["required"]
    assert model.__name__ in asyncapi()["components"]["messages"]


@pytest.mark.parametrize("name", UNIONS)
def test_a_union_of_several_is_discriminated_by_its_tag(name: str):
    union = DEFINITIONS[name]
    assert len(union["oneOf"]) == 1 or union["discriminator"]["propertyName"] in TAGS


@pytest.mark.parametrize("said", EXAMPLES, ids=lambda said: type(said).__name__)
def test_what_the_server_says_is_as_its_schema_says_and_nothing_of_it_may_be_missing(said: wire.ServerMessage):
    text = json.loads(said.frame().text)
    name = type(said).__name__
    assert errors_of(text, name) == []
    for field in text.keys() - ({"id", "retry_after_s"} if isinstance(said, wire.Complaint) else set()):
        assert errors_of({key: value for key, value in text.items() if key != field}, name) != []


@pytest.mark.parametrize("model", CLIENT_EXAMPLES, ids=lambda model: model.__name__)
def test_what_a_client_says_is_as_its_schema_says_and_has_no_other_fields(model: type[wire.ClientMessage]):
    text = json.loads(CLIENT_EXAMPLES[model])
    assert model.model_validate(text)
    assert errors_of(text, model.__name__) == []
    assert errors_of({**text, "more": 1}, model.__name__) != []


def test_an_error_without_a_publish_has_no_id_and_none_that_is_null():
    said = {"type": "error", "code": "malformed", "detail": "no"}
    assert errors_of(said, "Refusal") == []
    assert errors_of({**said, "id": None}, "Refusal") != []


def test_a_proof_is_as_its_schema_says():
    assert errors_of(json.loads(prove_work("ebb")), "HeavyAnswer") == []


@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.name)
def test_the_server_has_every_channel_with_its_subprotocol(channel: Channel, client: TestClient):
    path = re.sub("{.*}", "ann", channel.address)
    subprotocols = [] if channel.subprotocol is None else [channel.subprotocol]
    with client.websocket_connect(path, subprotocols=subprotocols) as websocket:
        assert websocket.accepted_subprotocol == channel.subprotocol


def test_asyncapi_says_of_every_channel_who_says_what():
    document = asyncapi()
    assert list(document["channels"]) == [channel.name for channel in CHANNELS]
    for channel in CHANNELS:
        for action, said in (("receive", channel.client), ("send", channel.server)):
            operation = document["operations"][f"{channel.name}.{action}"]
            names = [each["$ref"].rpartition("/")[2] for each in operation["messages"]]
            assert names == [name_of(each) for each in said]


@pytest.fixture(scope="module")
def described(client: TestClient) -> dict[str, Any]:
    return client.get("/openapi.json").json()


def test_every_http_route_is_described_and_every_json_has_an_example(described: dict[str, Any]):
    schemas = described["components"]["schemas"]
    for path, operations in described["paths"].items():
        for operation in operations.values():
            assert operation["description"], path
            answers = [operation["responses"][code] for code in operation["responses"].keys() - {"422"}]
            for body in (operation.get("requestBody", {}), *answers):
                if "application/json" in body.get("content", {}):
                    name = body["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
                    (example,) = schemas[name]["examples"]
                    Draft202012Validator({**described, "$ref": f"#/components/schemas/{name}"}).validate(example)


def test_the_page_that_describes_http_has_all_its_scripts_from_here(client: TestClient, described: dict[str, Any]):
    page = client.get("/docs").text
    there = re.findall("(?:src|href)=\"([^\"]+)\"|url: '([^']+)'", page)
    assert len(there) == 4
    for path in map("".join, there):
        assert path.startswith("/docs/"), path
        assert client.get(path).status_code == 200, path
    assert client.get("/docs/openapi.json").json() == described
    assert client.get("/redoc").status_code == 404


def test_without_its_wheel_there_is_no_such_page(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "fastapi_offline", None)
    with TestClient(create_app(Settings(notify_interval_s=0))) as client:
        assert client.get("/docs").status_code == 404


def test_openapi_is_printed(capsys: pytest.CaptureFixture[str]):
    assert schema.main(["openapi"]) == 0
    assert "/broadcast" in json.loads(capsys.readouterr().out)["paths"]


def test_without_json2ts_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setattr(schema, "NPM_BIN", Path("/nowhere"))
    monkeypatch.setenv("PATH", "/nowhere")
    assert schema.main(["typescript"], "ebb schema") == 1
    said = "ebb schema: json2ts is missing: npm install --global json-schema-to-typescript\n"
    assert capsys.readouterr().err == said
