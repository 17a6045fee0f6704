"""What an application's own handler is told when its client is gone, and what of its errors came of that alone."""

from __future__ import annotations


class ClientGone(OSError):
    """The client of this handler is gone, or has been closed."""


def came_of_leaving(error: BaseException | None) -> bool:
    """Whether an error says only that the client is gone: it is, was raised from, or is a group of ClientGone."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, ClientGone):
            return True
        if isinstance(error, BaseExceptionGroup):
            return all(came_of_leaving(each) for each in error.exceptions)
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False
