"""The reference server with a fault: every second text gets no echo."""

from __future__ import annotations

import itertools

from server.endpoints.broadcast import Named
from server.main import app as app

confirm = Named._confirm
numbers = itertools.count(1)


def confirm_with_gaps(self: Named, text: str) -> None:
    """The fault: the other clients get the text, the sender gets no echo."""
    if next(numbers) % 2:
        confirm(self, text)


Named._confirm = confirm_with_gaps  # type: ignore[method-assign]  # the fault is put in
