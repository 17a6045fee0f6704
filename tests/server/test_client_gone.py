"""Which errors came of a client that left, and of nothing else."""

from __future__ import annotations

import pytest

from server.middleware.client_gone import ClientGone, came_of_leaving


def raised_from(error: BaseException, cause: BaseException) -> BaseException:
    error.__cause__ = cause
    return error


def in_a_circle() -> BaseException:
    inner = ValueError()
    group = ExceptionGroup("both", [inner])
    inner.__context__ = group
    return group


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ClientGone(), True),
        (ValueError(), False),
        (raised_from(RuntimeError(), ClientGone()), True),
        (ExceptionGroup("all of it", [ClientGone(), raised_from(RuntimeError(), ClientGone())]), True),
        (ExceptionGroup("some of it", [ClientGone(), ValueError()]), False),
        (in_a_circle(), False),
    ],
    ids=["itself", "another", "raised from it", "a group of it", "a group of it and another", "in a circle"],
)
def test_an_error_came_of_leaving_if_nothing_else_is_in_it(error: BaseException, expected: bool):
    assert came_of_leaving(error) is expected
