"""What a command writes is what it would write now; and where it is not, the file and the command are named."""

from __future__ import annotations

import pytest

from tests.written import ROOT, WRITTEN, drift


@pytest.mark.parametrize("file", WRITTEN)
def test_what_a_command_writes_is_up_to_date(file: str):
    assert drift(file, (ROOT / file).read_text()) is None


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("docs/wire.schema.json", '"reconnect_after_s"', '"reconnect_s"'),
        ("docs/asyncapi.json", '"/ws/json"', '"/json"'),
        ("harness/targets/target.schema.json", '"drain_timeout_s"', '"drain_timeout"'),
        ("docs/architecture.md", "    drain --> settings\n", ""),
        ("docs/metrics.md", "| `ebb_phase` | gauge |", "| `ebb_state` | gauge |"),
        ("docs/metrics.md", "| `ebb_connections` | gauge |", "| `ebb_connections` | counter |"),
        ("docs/cure.md", "self.clients.discard(websocket)", "self.clients.remove(websocket)"),
        ("tests/specimens/README.md", "| 1 | `turns_readiness_late`", "| 2 | `turns_readiness_late`"),
        ("deploy/kubernetes/ebb.yaml", "terminationGracePeriodSeconds: 350", "terminationGracePeriodSeconds: 30"),
        ("deploy/compose.yaml", "stop_grace_period: 340s", "stop_grace_period: 10s"),
        ("deploy/systemd/ebb.service", "TimeoutStopSec=340", "TimeoutStopSec=90"),
        ("deploy/systemd/ebb-activated.service", "LimitNOFILE=20000", "LimitNOFILE=1024"),
        ("deploy/nginx/nginx.conf", "worker_shutdown_timeout 340s", "worker_shutdown_timeout 60s"),
        ("deploy/haproxy/haproxy.cfg", "hard-stop-after 340s", "hard-stop-after 30s"),
    ],
)
def test_a_file_that_lags_behind_is_named_with_the_command_that_writes_it(file: str, old: str, new: str):
    text = (ROOT / file).read_text()
    assert old in text
    assert drift(file, text.replace(old, new)) == f"{file} lags behind: {WRITTEN[file].command}"
