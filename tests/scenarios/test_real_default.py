"""The default drain timeout of half an hour: libfaketime runs the server's clock 600 times as fast as the harness's."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.harness_runs import harness

pytestmark = [pytest.mark.scenario, pytest.mark.timeout(120)]

TIMES_AS_FAST = 600
LIBRARY = next(iter(Path("/usr/lib").glob("*/faketime/libfaketime.so.1")), None)
COMPRESSED = ("DRAIN_TIMEOUT_S", "EVICT_PER_S", "RECONNECT_WINDOW_S")


@pytest.mark.skipif(LIBRARY is None, reason="libfaketime is not installed (Debian: apt-get install faketime)")
def test_a_server_without_settings_keeps_its_clients_for_1800_s(tmp_path: Path):
    unset = [word for name in COMPRESSED for word in ("-u", f"SERVER_{name}")]
    clock = [f"LD_PRELOAD={LIBRARY}", f"FAKETIME=+0 x{TIMES_AS_FAST}"]
    # With our own class a client has 5 s for its handshake: 8 ms here.
    patient = ["SERVER_CLOSE_TIMEOUT_S=1800", "SERVER_NOTIFY_INTERVAL_S=0", "SERVER_PROTOCOL=uvicorn"]
    server = ["{python}", "-m", "uvicorn", "server.main:app", "--ws-ping-interval", "0", "--port", "{port}"]
    asked = ["--clients", "60", "--timeout", str(1800 / TIMES_AS_FAST), "--reference"]

    run = harness(tmp_path, "drain", *asked, "--", "env", *unset, *clock, *patient, *server)

    assert run.verdicts[12] == "pass", run.output
    assert run.verdicts.get(17, "pass") == "pass", run.output
