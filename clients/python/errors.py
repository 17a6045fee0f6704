"""What can go wrong for good, each with one line that says what."""

from __future__ import annotations


class CannotConnect(ConnectionError):
    """The first connection was refused for good, or not open in time."""


class ClientEnded(ConnectionError):
    """The client has no connection and will open none. `code`: of the server's close frame, None without one."""

    def __init__(self, reason: str, code: int | None = None) -> None:
        super().__init__(reason)
        self.code = code


class NotPublished(Exception):
    """The server did not carry out a publish. It may be repeated with the same `id`, and is published once."""

    def __init__(self, id: str, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.id = id
        self.code = code
