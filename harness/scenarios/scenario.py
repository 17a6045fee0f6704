"""What a scenario is: a claim, the clauses that it judges, who plays, and what is done with them.

Owns the form only. A scenario's file holds all the rest, and its docstring is the claim and its source.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from harness.clients.cast import Cast
from harness.stage import Stage


@dataclass(frozen=True)
class Scenario:
    """One story told to a target. `cast` says who plays, given a number of clients; `perform` tells it."""

    name: str
    story: str | None
    clauses: tuple[int, ...]
    cast: Callable[[int], Cast]
    perform: Callable[[Stage], Awaitable[None]]

    @property
    def claim(self) -> str:
        """The first paragraph of its story, on one line."""
        return " ".join(inspect.cleandoc(self.story or "").split("\n\n")[0].split())
