"""Each talk that is shipped, on a server of its protocol: everybody is let in and hears the others; it is drained."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.history.record import History
from tests.scenarios.harness_runs import harness
from tests.scenarios.needs import NODE, NPM, TARGETS, needs

pytestmark = [pytest.mark.scenario, pytest.mark.turns, pytest.mark.timeout(300)]

CLIENTS = 30
# How much they have to say is seen in the warm-up; nothing here is about the grace.
BRIEF = ("drain", "--clients", str(CLIENTS), "--timeout", "0.5", "--tellings", "1", "--shutdown-marker", "none")
WITHOUT_HTTP = ("--health", "none", "--ready", "none", "--metrics", "none", "--broadcast", "none")
LEAST_MESSAGES = 10


@pytest.mark.parametrize(
    ("talk", "options", "command"),
    [
        pytest.param("socket.io", (), ("node", f"{NODE}/socketio.mjs", "{port}"), marks=NPM),
        pytest.param("graphql-ws", (), ("node", f"{NODE}/graphql.mjs", "{port}"), marks=NPM),
        # It never sends the receipt that the specification demands, nor anything to who said it.
        pytest.param("stomp", ("--let-in", "^CONNECTED"), ("node", f"{NODE}/stomp.mjs", "{port}"), marks=NPM),
        pytest.param(
            "mqtt", (), ("sh", f"{TARGETS}/mosquitto.sh", "{port}", "FOLDER"), marks=needs("mosquitto", "mosquitto")
        ),
        pytest.param(
            "action-cable",
            (),
            ("puma", "-b", "tcp://127.0.0.1:{port}", f"{TARGETS}/cable.ru"),
            marks=needs("puma", "puma ruby-actioncable"),
        ),
    ],
)
def test_a_server_of_each_protocol_lets_everybody_in_and_is_talked_to_until_it_is_drained(
    talk: str, options: tuple[str, ...], command: tuple[str, ...], tmp_path: Path
):
    file = tmp_path / "history.jsonl"

    words = [word.replace("FOLDER", str(tmp_path)) for word in command]
    run = harness(tmp_path, *BRIEF, *WITHOUT_HTTP, "--talk-as", talk, *options, "--history", str(file), "--", *words)

    assert {19, 20, 35} <= run.clauses("pass"), run.output
    with file.open() as lines:
        drain = History.load(lines)[-1].drain
    assert drain is not None
    there = [client for client in drain.connections if client.connected_at(drain.t0 - 0.5)]
    assert len(there) >= CLIENTS - 4, run.output  # some never finish their handshakes
    assert sum(len(client.sent) for client in there) >= LEAST_MESSAGES, run.output
    silent = {client.name for client in there if not client.hostile and not client.heard}
    assert silent == set(), run.output
