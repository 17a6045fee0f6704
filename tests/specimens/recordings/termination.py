"""Recorded faults against clauses 16 to 20: when the process goes, how it cleans up, its status, and what it leaves."""

from __future__ import annotations

from harness.clauses.hostile import holds_on
from harness.history.events import Event

from .recording import Recording
from .specimen import Subtle, specimen


@specimen("everyone_leaves", {16}, Subtle.JUST_BEYOND)
def exits_a_tenth_too_late(run: Recording) -> Recording:
    """The process exits 1.1 s after the last client has left."""
    return run.exits_at(run.seen.clients_gone_at + 1.1)


@specimen("hostile", {17}, Subtle.JUST_BEYOND)
def exits_just_beyond_its_bound(run: Recording) -> Recording:
    """With hostile clients present the process exits 50 ms later than pace and close timeout allow."""
    there = sum(holds_on(run.seen, client) for client in run.seen.handshakes)
    return run.exits_at(run.seen.t0 + run.history.terms.gone_after_s(there) + 0.05)


@specimen("drain", {18}, Subtle.ONLY_EVICTING)
def cleans_up_before_the_last_client_has_gone(run: Recording) -> Recording:
    """Lifespan shutdown begins 0.2 s before the last client's connection has ended."""
    return run.changed(_marker(run), t=run.seen.clients_gone_at - 0.2)


@specimen("hundred_sigterms", {18}, Subtle.SECOND_TIME)
def cleans_up_again_when_signalled_again(run: Recording) -> Recording:
    """Told to stop again, the server runs lifespan shutdown a second time."""
    marker = _marker(run)
    return run.plus(marker.t, "target", "line", **marker.detail)


def _marker(run: Recording) -> Event:
    marker = run.history.terms.profile.shutdown_marker
    assert marker is not None
    return next(line for line in run.events("target", "line") if marker in line.detail["text"])


@specimen("operator_forces", {19}, Subtle.SECOND_TIME)
def exits_with_1_when_forced(run: Recording) -> Recording:
    """The exit status is 1 where an operator forced the stop."""
    return run.changed(run.first("target", "exited"), status=1)


@specimen("hundred_sigterms", {19, 21}, Subtle.SECOND_TIME)
def exits_with_minus_9_when_signalled_again(run: Recording) -> Recording:
    """Told to stop again and again, the server ends itself with SIGKILL when all its clients have gone."""
    return run.changed(run.first("target", "exited"), status=-9)


@specimen("operator_forces", {20}, Subtle.SECOND_TIME)
def leaves_a_child_when_forced(run: Recording) -> Recording:
    """A child process outlives the server where an operator forced the stop."""
    return run.changed(run.first("target", "left_behind"), pids=[4711])


@specimen("hostile", {20}, Subtle.ONE_KIND)
def leaves_its_port_to_stalled_clients(run: Recording) -> Recording:
    """Where clients were cut off that did not read, the port cannot be bound at once."""
    return run.changed(run.first("target", "left_behind"), port_free=False, port_error="Address already in use")
