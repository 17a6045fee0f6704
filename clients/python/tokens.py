"""The token that a client shows: a text that stays the same, or what a function of the user's gives each time.

Owns when the function is asked for another one. Refuses to know how a token is shown, and what the server says of it.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import Awaitable, Callable

LEAST_S = 1.0  # before the end of a token nobody is asked any more

Token = str | Callable[[], str | Awaitable[str]] | None
log = logging.getLogger(__name__)


class Tokens:
    """The tokens that `source` gives. `renews`: whether there may be another one."""

    def __init__(self, source: Token) -> None:
        self._source = source
        self._newest: str | None = None

    @property
    def renews(self) -> bool:
        """Whether there may be another token than the first."""
        return callable(self._source)

    async def get(self) -> str | None:
        """The token to show now. Raises whatever the function does."""
        token = self._source() if callable(self._source) else self._source
        if inspect.isawaitable(token):
            token = await token
        self._newest = token
        return token

    async def another(self, within_s: float) -> str | None:
        """A token that is not the one before; None where there is none within so many seconds.

        A function may keep its token almost to the end, or fail: it is asked again after half of the time that is left.
        """
        loop, known = asyncio.get_running_loop(), self._newest
        until = loop.time() + within_s
        while True:
            try:
                if (token := await self.get()) != known:
                    return token
            except Exception as error:
                log.warning("no token: %r", error)
            left_s = until - loop.time()
            if left_s < LEAST_S:
                return None
            await asyncio.sleep(left_s / 2)
