"""The reference server with a fault: of a client's texts, one in ten is never echoed."""

from __future__ import annotations

import itertools

from server.endpoints.broadcast import Named
from server.main import app as app

confirm = Named._confirm
numbers = itertools.count(1)


def confirm_with_gaps(self: Named, text: str) -> None:
    """The fault: the others hear it, the sender does not."""
    if next(numbers) % 10:
        confirm(self, text)


Named._confirm = confirm_with_gaps  # type: ignore[method-assign]  # the fault is put in
