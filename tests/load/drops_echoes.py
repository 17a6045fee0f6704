"""The reference server with a fault: of a client's texts, one in ten is never echoed."""

from __future__ import annotations

import itertools

from server.conversations import Anonymous, Named
from server.main import app as app

said = Named.said
numbers = itertools.count(1)


async def said_with_gaps(self: Named, text: str) -> None:
    """The fault: the others hear it, the sender does not."""
    await (Anonymous.said if next(numbers) % 10 == 0 else said)(self, text)


Named.said = said_with_gaps  # type: ignore[method-assign]
