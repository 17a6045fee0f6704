"""Who comes in, on real server processes: what is refused at startup, what is logged, and the end of a token."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import jwt
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from clients.python import connect as connect_client
from harness.targets.known import LAUNCHER
from harness.targets.target import Target
from tests.harness.servers import empty_history, until
from tests.scenarios.rolling_hosts import SETTINGS

pytestmark = pytest.mark.scenario

TOKEN = "let.me.in-please_0123"
SECRET = "0123456789abcdef0123456789abcdef"
EVERYBODY = "--host 0.0.0.0 serves everybody who can reach it, and nothing asks who they are"


@pytest.mark.parametrize(
    "command",
    [
        ("-m", "server", "--host", "0.0.0.0", "--port", "0"),
        ("-m", "server", "--host", "0.0.0.0", "--port", "0", "--workers", "2"),
        ("-m", "uvicorn", "server.main:app", "--host", "0.0.0.0", "--port", "0"),
    ],
)
def test_nobody_serves_everybody_by_mistake(command: tuple[str, ...]):
    done = subprocess.run((sys.executable, *command), capture_output=True, text=True, timeout=40, check=False)
    assert EVERYBODY in done.stderr
    assert "Traceback" not in done.stderr
    if "uvicorn" not in command:  # which listens for a moment, in which nobody is admitted
        assert (done.returncode, done.stderr.count("\n")) == (1, 1)


def test_it_does_where_that_is_permitted_or_a_token_is_asked_for():
    command = (sys.executable, "-m", "server", "--host", "0.0.0.0", "--port", "0", "--limit-max-requests", "1")
    for permitted in ({"SERVER_ANYONE": "true"}, {"SERVER_AUTH": "token", "SERVER_TOKEN": TOKEN}):
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | permitted) as process:
            assert process.stderr is not None
            assert any("running on http://0.0.0.0" in line for line in process.stderr)
            process.terminate()


@pytest.mark.parametrize("protocol", ["ebb", "uvicorn"])
async def test_no_token_is_logged_at_any_level_nor_is_it_an_option(protocol: str):
    settings = {"SERVER_AUTH": "token", "SERVER_TOKEN": TOKEN, "SERVER_LOG_LEVEL": "debug"}
    settings["SERVER_PROTOCOL"] = protocol
    async with Target(LAUNCHER, history := empty_history(), SETTINGS | settings) as server:
        url = f"ws://127.0.0.1:{server.port}/ws"
        async with connect(url, additional_headers={"Authorization": f"Bearer {TOKEN}"}):
            pass
        async with connect(url, subprotocols=["ebb.text", f"bearer.{TOKEN}"]) as ann:  # type: ignore[list-item]
            assert ann.subprotocol == "ebb.text"
        with pytest.raises(InvalidStatus) as refused:
            await connect(url, additional_headers={"Authorization": "Bearer wrong.token_here"})
        assert refused.value.response.status_code == 401
        server.nudge(15)  # type: ignore[arg-type]
        assert await server.until_exit(20)
    lines = "\n".join(str(event) for event in history.events)
    assert protocol == "ebb" or "bearer" in lines.lower()  # websockets logs headers at this level
    assert TOKEN not in lines
    assert "wrong.token_here" not in lines
    usage = subprocess.run((sys.executable, "-m", "server", "--help"), capture_output=True, text=True, check=True)
    assert "--auth" in usage.stdout
    assert "--token" not in usage.stdout


async def test_a_client_whose_token_expires_is_warned_and_closed_and_comes_back_with_another(tmp_path):
    keys = tmp_path / "keys"
    keys.write_text(SECRET)
    settings = {"SERVER_AUTH": "jwt", "SERVER_JWT_KEYS": str(keys), "SERVER_RENEW_WITHIN_S": "60"}

    def token(lasts_s: float) -> dict[str, str]:
        signed = jwt.encode({"sub": "ann", "exp": time.time() + lasts_s}, SECRET, "HS256")
        return {"Authorization": f"Bearer {signed}"}

    async with Target(LAUNCHER, empty_history(), SETTINGS | settings) as server:
        url = f"ws://127.0.0.1:{server.port}/ws/ann"
        async with connect(url, additional_headers=token(2)) as ann:
            assert '"expiring"' in str(await ann.recv())
            with pytest.raises(ConnectionClosed):
                await ann.recv()
            assert (ann.close_code, ann.close_reason) == (4401, "token expired")
        async with connect(url, additional_headers=token(600)) as ann:
            await ann.send("back")
            assert await ann.recv() == "You said: back"


async def test_a_client_renews_its_tokens_on_one_connection_whatever_their_number(tmp_path):
    keys = tmp_path / "keys"
    keys.write_text(SECRET)
    settings = {"SERVER_AUTH": "jwt", "SERVER_JWT_KEYS": str(keys), "SERVER_RENEW_WITHIN_S": "60"}
    given: list[float] = []
    happened: list[str] = []

    async def token() -> str:
        given.append(time.time() + 6)
        return jwt.encode({"sub": "ann", "exp": given[-1]}, SECRET, "HS256")

    async with Target(LAUNCHER, empty_history(), SETTINGS | settings) as server:
        url = f"ws://127.0.0.1:{server.port}"
        async with connect_client(
            url,
            name="ann",
            token=token,
            on_message=lambda _: None,
            on_status=lambda status: happened.append(status.what),
        ) as ann:
            await until(lambda: time.time() > given[0] + 2, "its first token has expired some time ago")
            assert len(given) >= 3
            await ann.publish("still here")
    assert happened == ["connected"]
