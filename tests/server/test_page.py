"""The page at `/` as files: what is served, and under which policy a browser runs it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from server.app import create_app
from server.page import FOLDER
from server.settings import Settings

HERE = "ws://127.0.0.1:8000/ws"
THERE = "wss://there.example/ws"


@pytest.fixture
def client():
    with TestClient(create_app(Settings(notify_interval_s=0))) as client:
        yield client


def served() -> list[str]:
    return [str(path.relative_to(FOLDER)) for path in FOLDER.rglob("*") if path.is_file()]


@pytest.mark.parametrize("name", served())
def test_everything_that_the_page_is_made_of_comes_from_here_and_is_asked_for_again(client: TestClient, name: str):
    answer = client.get(f"/page/{name}")
    assert (answer.status_code, answer.content) == (200, (FOLDER / name).read_bytes())
    assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-cache", "nosniff")
    again = client.get(f"/page/{name}", headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_no_file_beside_those_is_served(client: TestClient):
    assert client.get("/page/../__init__.py").status_code == 404
    assert client.get("/page/%2e%2e/__init__.py").status_code == 404


def test_nothing_inline_runs_and_nothing_is_reached_but_this_server(client: TestClient):
    policy = client.get("/").headers["content-security-policy"]
    assert policy == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def test_the_page_asks_for_a_token_where_one_is_needed(client: TestClient):
    assert '<meta name="auth" content="">' in client.get("/").text
    with TestClient(create_app(Settings(notify_interval_s=0, auth="token", token="0123456789abcdef"))) as guarded:
        assert '<meta name="auth" content="token">' in guarded.get("/").text


def test_the_page_is_told_of_the_places_and_may_reach_them():
    with TestClient(create_app(Settings(notify_interval_s=0, places=f"{HERE},{THERE}"))) as client:
        answer = client.get("/")
    assert f'<meta name="places" content="{HERE},{THERE}">' in answer.text
    assert "connect-src 'self' ws://127.0.0.1:8000 wss://there.example;" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("file", [FOLDER / name for name in served() if name.endswith((".html", ".js", ".css"))])
def test_no_part_of_the_page_loads_anything_from_elsewhere_or_needs_inline_code(file: Path):
    text = re.sub(r"^\s*(//|\*|/\*\*).*$", "", file.read_text(), flags=re.M).replace("http://www.w3.org/2000/svg", "")
    assert re.findall(r"https?://\S+|<style|\sstyle=|\son\w+=\"|<script(?! type=\"module\" src)", text) == []
