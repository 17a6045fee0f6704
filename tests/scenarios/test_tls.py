"""Over TLS all is as without: the notice, the close, the account; and a renewed certificate cuts nobody off."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx2
import pytest
import trustme
from cryptography import x509
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.scenarios.real_server import Running, started

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(60)]

SETTINGS = {"SERVER_DRAIN_TIMEOUT_S": "1", "SERVER_NOTIFY_INTERVAL_S": "0"}
CLIENTS = 30
LAUNCHER, UVICORN = "-m server", "-m uvicorn server.main:app"

CLIENT_HELLO = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(32)  # and there is more to come

Connect = Callable[[str], Coroutine[None, None, ClientConnection]]


class Certificates:
    """An authority of the test, and the files that the server reads."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.certificate, self.key = folder / "certificate.pem", folder / "key.pem"
        self.trust = ssl.create_default_context()
        self._authority.configure_trust(self.trust)

    def issue(self) -> int:
        """Write a new certificate, and return its serial number."""
        issued = self._authority.issue_cert("127.0.0.1")
        self.certificate.write_bytes(b"".join(each.bytes() for each in issued.cert_chain_pems))
        self.key.write_bytes(issued.private_key_pem.bytes())
        return x509.load_pem_x509_certificate(self.certificate.read_bytes()).serial_number


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(tmp_path)


@asynccontextmanager
async def served(certificates: Certificates, command: str = LAUNCHER) -> AsyncIterator[tuple[Running, Connect]]:
    """Start the server over TLS; the function connects a client."""
    options = f"--port {{port}} --ssl-certfile {certificates.certificate} --ssl-keyfile {certificates.key}"
    async with started(f"{command} {options}", **SETTINGS) as server:

        async def connect_to(path: str) -> ClientConnection:
            return await connect(f"wss://127.0.0.1:{server.port}{path}", ssl=certificates.trust, open_timeout=5)

        async with asyncio.timeout(20):
            while True:
                try:
                    await (await connect_to("/ws")).close()
                    break
                except OSError:
                    await asyncio.sleep(0.05)
        yield server, connect_to


def serial_of(client: ClientConnection) -> int:
    """Which certificate a client was shown."""
    tls: ssl.SSLObject = client.transport.get_extra_info("ssl_object")
    return x509.load_der_x509_certificate(tls.getpeercert(binary_form=True) or b"").serial_number


async def heard_until_closed(client: ClientConnection) -> list[str]:
    heard = []
    with contextlib.suppress(ConnectionClosed):
        while True:
            heard.append(str(await client.recv()))
    return heard


async def test_a_drain_over_tls_tells_everybody_refuses_newcomers_and_closes_with_full_handshakes(
    certificates: Certificates,
):
    certificates.issue()
    async with served(certificates) as (server, connect_to), AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(await connect_to("/ws")) for _ in range(CLIENTS)]
        await clients[0].send("to all the others")
        server.process.send_signal(signal.SIGTERM)
        first = [await each.recv() for each in clients[1:]]
        notices = [str(await each.recv()) for each in clients[1:]]
        with pytest.raises(InvalidStatus) as refused:
            await connect_to("/ws")
        async with httpx2.AsyncClient(verify=certificates.trust) as http:
            ready = await http.get(f"https://127.0.0.1:{server.port}/ready")
        rest = await asyncio.gather(*[heard_until_closed(each) for each in clients])
        assert await server.until_exit() == 0

    assert set(first) == {"to all the others"}
    assert all("draining" in each for each in notices)
    assert (refused.value.response.status_code, ready.status_code) == (503, 503)
    assert {(each.close_code, each.close_reason) for each in clients} == {(1012, "service restart")}
    assert not any(rest[1:])
    (report,) = [json.loads(line) for line in server.lines if line.startswith('{"event": "drain.report"')]
    assert (report["present"], report["closed"], report["aborted"]) == (CLIENTS, CLIENTS, 0)
    assert not [line for line in server.lines if "Traceback" in line or "SSL" in line]


@pytest.mark.parametrize("options", ["", "--workers 2"])
async def test_a_renewed_certificate_is_shown_to_newcomers(certificates: Certificates, options: str):
    old = certificates.issue()
    async with served(certificates, f"{LAUNCHER} {options}") as (server, connect_to):
        client = await connect_to("/ws/json")
        new = certificates.issue()
        server.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(20):
            while serial_of(newcomer := await connect_to("/ws/json")) != new:
                await newcomer.close()
        await newcomer.send('{"action":"chat","msg":"hello"}')
        assert json.loads(await newcomer.recv())["echo"] == "hello"
        if not options:  # with workers it is drained, as whenever they are replaced
            await client.send('{"action":"chat","msg":"still here"}')
            assert json.loads(await client.recv())["echo"] == "still here"
    assert serial_of(client) == old


async def test_a_certificate_that_cannot_be_used_changes_nothing(certificates: Certificates):
    old = certificates.issue()
    async with served(certificates) as (server, connect_to):
        key = certificates.key.read_bytes()
        certificates.issue()
        certificates.key.write_bytes(key)  # of another certificate
        server.process.send_signal(signal.SIGHUP)
        async with asyncio.timeout(20):
            while not [line for line in server.lines if "the certificate stays as it was" in line]:
                await asyncio.sleep(0.05)
        assert serial_of(await connect_to("/ws")) == old


async def test_who_speaks_plainly_to_a_tls_port_gets_nothing_and_harms_nobody(certificates: Certificates):
    certificates.issue()
    async with served(certificates) as (server, connect_to):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"GET /ws HTTP/1.1\r\nHost: a\r\n\r\n" + os.urandom(100))
        with contextlib.suppress(ConnectionError):
            assert not await reader.read()
        writer.close()
        client = await connect_to("/ws/json")
        await client.send('{"action":"chat","msg":"hello"}')
        assert json.loads(await client.recv())["echo"] == "hello"


@pytest.mark.attack
@pytest.mark.parametrize(
    "command", [LAUNCHER, f"{LAUNCHER} --workers 2", f"{UVICORN} --loop asyncio", f"{UVICORN} --loop uvloop"]
)
async def test_a_tls_handshake_that_is_never_completed_is_ended_in_time_and_counted(
    certificates: Certificates, command: str, monkeypatch: pytest.MonkeyPatch
):
    """uvicorn's servers wait for a minute, and cannot be told otherwise."""
    monkeypatch.setenv("SERVER_HEAD_TIMEOUT_S", "1")
    certificates.issue()
    async with served(certificates, command) as (server, connect_to), await connect_to("/ws/ann"):
        for said in (CLIENT_HELLO[:20], b"GET / HTTP/1.1\r\n\r\n"):  # the one gives up, the other is no TLS
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(said)
            writer.close()
        halves = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(20)]
        for _, writer in halves:
            writer.write(CLIENT_HELLO[:20])
        async with asyncio.timeout(20):
            for reader, writer in halves:
                with contextlib.suppress(ConnectionError):
                    assert not await reader.read()
                writer.close()
        async with httpx2.AsyncClient(verify=certificates.trust) as http:
            metrics = (await http.get(f"https://127.0.0.1:{server.port}/metrics")).text
    assert sum(map(float, re.findall(r'ebb_limited_total\{.*reason="tls_time".*\} (\S+)', metrics))) == 20
    assert not [line for line in server.lines if "Traceback" in line or "SSL" in line]
