"""What tells a path that a target has from one that nobody has."""

from __future__ import annotations

import pytest

from harness.probes.http import Reply
from harness.targets.asking import is_a_route

MISSING = Reply(404, body=b"not found")
PAGE = Reply(200, body=b"<html>the page</html>")


@pytest.mark.parametrize(
    ("reply", "nowhere", "elsewhere", "is_it"),
    [
        (Reply(200, body=b"ok"), MISSING, MISSING, True),
        (MISSING, MISSING, MISSING, False),
        (Reply(503), PAGE, PAGE, False),
        (Reply(200, body=b"ok"), PAGE, PAGE, True),
        (PAGE, PAGE, PAGE, False),
        (Reply(200, body=b"page 3"), Reply(200, body=b"page 1"), Reply(200, body=b"page 2"), False),
    ],
)
def test_a_route_is_answered_otherwise_than_a_path_that_nobody_has(
    reply: Reply, nowhere: Reply, elsewhere: Reply, is_it: bool
) -> None:
    assert is_a_route(reply, nowhere, elsewhere) is is_it
