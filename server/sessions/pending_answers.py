"""Answers that came for sessions which are not here.

Owns how long they wait, and how many may. Sans-I/O: `now` is an argument (seconds, monotonic). Refuses to know who
keeps them in the end.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..messages.sessions import Answer

UNCLAIMED_AFTER_S = 1.0
UNCLAIMED = 10_000


class PendingAnswers:
    """At most `limit` answers, each due `after_s` after it came: nobody has claimed it by then.

    The answers for one session are due together, with the first. Where there are too many, those go that are due first.
    """

    def __init__(self, limit: int = UNCLAIMED, after_s: float = UNCLAIMED_AFTER_S) -> None:
        self._limit = limit
        self._after_s = after_s
        self._waiting: dict[str, tuple[float, list[Answer]]] = {}  # in the order in which they are due
        self._count = 0

    def leave(self, session_id: str, answers: Iterable[Answer], now: float) -> int:
        """Let answers wait for their session. Returns how many others had to go for them."""
        due, before = self._waiting.get(session_id, (now + self._after_s, []))
        answers = sorted([*before, *answers], key=lambda answer: answer.at)
        if not answers:
            return 0
        self._count += len(answers) - len(before)
        self._waiting[session_id] = due, answers
        dropped = self._count
        while self._count > self._limit:
            self.claim(next(iter(self._waiting)))
        return dropped - self._count

    def claim(self, session_id: str) -> list[Answer]:
        """Hand out, in order, what waits for a session: it has come, or its answers are due."""
        _, answers = self._waiting.pop(session_id, (0.0, []))
        self._count -= len(answers)
        return answers

    @property
    def next(self) -> tuple[str, float] | None:
        """Say which session's answers are due next, and when; None: nothing waits."""
        for session_id, (due, _) in self._waiting.items():
            return session_id, due
        return None
