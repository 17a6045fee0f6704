"""Recorded faults against clauses 32 to 34: several workers, several hosts, and clients that resume."""

from __future__ import annotations

from harness.history.events import Event
from harness.history.reconnecting import ReconnectingClientView
from harness.history.resume_run import ResumeRun

from .recording import Recording
from .specimen import Subtle, specimen

COLUMNS = ("at", "seq", "sender", "n")


def _listeners(run: Recording) -> list[ReconnectingClientView]:
    """The reconnecting clients that publish nothing."""
    return [client for client in ResumeRun(run.history).clients if "speaker" not in client.name]


def _with_arrivals(run: Recording, received: Event, which: list[int]) -> Recording:
    """The same with these arrivals on a connection, by their places among those that it had."""
    return run.changed(received, **{column: [received.detail[column][i] for i in which] for column in COLUMNS})


@specimen("worker_dies", {32}, Subtle.JUST_BEYOND)
def one_visitor_waits_a_tenth_too_long(run: Recording) -> Recording:
    """A handshake that is begun when a worker dies is answered after 1.1 s."""
    killed_at = run.seen.kills[0].t
    visits = (client for client in run.seen.connections if client.name.startswith("brief-visitor"))
    visitor = next(client for client in visits if client.began > killed_at + 0.5)
    return run.moved(1.1, [event for event in run.events(visitor.name) if event.what != "connecting"])


@specimen("rolling_deploy", {33}, Subtle.SECOND_TIME)
def one_message_comes_twice_after_the_second_move(run: Recording) -> Recording:
    """After its second move one client gets one message twice."""
    client = next(client for client in _listeners(run) if client.moves >= 2)
    received = run.first(client.connections[2].name, "received")
    places = list(range(len(received.detail["n"])))
    return _with_arrivals(run, received, [places[0], *places])


@specimen("worker_dies", {33, 34}, Subtle.ON_ITS_WAY)
def one_message_is_lost_with_the_worker(run: Recording) -> Recording:
    """A client that lost its worker resumes, and the first message that it had missed does not come."""
    lost = {client.name for client in run.seen.connections if run.seen.lost_its_worker(client)}
    client = next(client for client in _listeners(run) if client.connections[0].name in lost)
    received = run.first(client.connections[1].name, "received")
    return _with_arrivals(run, received, list(range(1, len(received.detail["n"]))))


@specimen("worker_dies", {12, 33, 34}, Subtle.ONE_IN_FIFTY)
def one_client_of_another_worker_is_cut_off(run: Recording) -> Recording:
    """When a worker dies, one client of another worker loses its connection, and does not come back."""
    killed_at = run.seen.kills[0].t
    lost = {client.name for client in run.seen.connections if run.seen.lost_its_worker(client)}
    client = next(client for client in _listeners(run) if client.connections[0].name not in lost)
    name = client.connections[0].name
    received, ended = run.first(name, "received"), run.first(name, "ended")
    there = [place for place, t in enumerate(received.detail["at"]) if t < killed_at]
    rest = [event for event in run.events(name, since=killed_at) if event not in (received, ended)]
    edited = _with_arrivals(run, received, there).without(*rest)
    return edited.changed(ended, t=killed_at + 0.02, how="eof")
