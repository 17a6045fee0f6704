"""What an application's own handler is told when its client is gone, and what of its errors came of that alone."""

from __future__ import annotations


class ClientGone(OSError):
    """The client of this handler is gone, or has been closed."""


def came_of_leaving(error: BaseException) -> bool:
    """Whether an error says only that the client is gone: it is, was raised from, or is a group of ClientGone."""
    return _came(error, set())


def _came(error: BaseException | None, seen: set[int]) -> bool:
    """`seen`: what was looked at, by identity. The causes of errors may go round in a circle."""
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, ClientGone):
            return True
        if isinstance(error, BaseExceptionGroup):
            return all(_came(each, seen) for each in error.exceptions)
        error = error.__cause__ or error.__context__
    return False
