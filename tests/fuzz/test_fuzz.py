"""Our parsers and our HTTP API are given rubbish, for a bounded time: `EBB_FUZZ_S` seconds each, 20 by default."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.scenarios.real_server import started

SECONDS = int(os.environ.get("EBB_FUZZ_S", "20"))
PARSERS = ("read_frames", "read_handshake", "read_envelope", "read_session", "read_address")
SEEDS = {
    "read_frames": b"\x03\x81\x85abcd\x09\x07\x0f\x08\x0e\x88\x82abcd\x62\x8a",
    "read_handshake": b"GET /ws?room=a HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n",
    "read_envelope": b'{"type":"publish","id":"a","data":{"text":"hi"},"room":"r"}',
    "read_session": b'{"type":"ask","id":"a","text":"what?"}',
    "read_address": b"1.2.3.4, 10.0.0.7\n[2001:db8::1]:80",
}

pytestmark = [pytest.mark.fuzz, pytest.mark.timeout(SECONDS * 3 + 120)]


@pytest.mark.skipif(find_spec("atheris") is None, reason="atheris is not installed (the extra `fuzz`)")
@pytest.mark.parametrize("name", PARSERS)
def test_a_parser_reads_or_refuses_whatever_it_is_given(name: str, tmp_path: Path):
    (tmp_path / "seed").write_bytes(SEEDS[name])
    options = [f"-max_total_time={SECONDS}", "-rss_limit_mb=1024", f"-artifact_prefix={tmp_path}/", "-max_len=9000"]
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.parsers", name, *options, str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-4000:]
    assert "Done " in done.stderr


@pytest.mark.skipif(find_spec("schemathesis") is None, reason="schemathesis is not installed (the extra `fuzz`)")
async def test_the_http_api_does_what_its_schema_says_whatever_it_is_asked(tmp_path: Path):
    async with started("-m server --port {port}", SERVER_NOTIFY_INTERVAL_S="0") as server:
        await (await server.first_client("/ws/json")).close()
        url = f"http://127.0.0.1:{server.port}"
        # a schema cannot say "128 bytes, no control characters", nor that TRACE is answered with 405 without a list
        without = ["--exclude-checks", "positive_data_acceptance,unsupported_method"]
        options = ["--checks", "all", *without, "--max-examples", str(SECONDS * 5)]
        done = subprocess.run(
            [Path(sys.executable).with_name("schemathesis"), "run", f"{url}/openapi.json", "--url", url, *options],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )

    assert done.returncode == 0, done.stdout[-6000:]
    assert not [line for line in server.lines if "Traceback" in line]
