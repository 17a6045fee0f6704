"""What becomes of a session: how its stored state changes, and which question is asked when.

Owns the reducer of the state and the bounded queue of questions. Sans-I/O: `now` is an argument (seconds, monotonic).
Refuses to know connections, the store, and who answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ..messages.sessions import (
    ANSWERS,
    ANSWERS_CHARS,
    PROGRESS_BYTES,
    Answer,
    JoinClass,
    ReadingProgress,
    State,
    size_of,
)
from ..messages.wire import Malformed

IN_WORK = 10
WAITING = 1000
WAITING_OF_A_SESSION = 3
ANSWER_TIMEOUT_S = 60.0
# Two equal answers to one session so close to each other are one, which two processes have read.
SAME_ANSWER_S = 60.0

PENDING_AFTER_S = 1.0
PENDING = 10_000
PENDING_CHARS = 16_777_216

Change = ReadingProgress | JoinClass | Answer


def reduce(state: State, change: Change) -> State:
    """Return the state after one change; the same object if there is nothing new in it.

    Answers that do not fit any more go, the oldest first. Raises Malformed for a progress that would not fit.
    """
    match change:
        case ReadingProgress(payload=payload):
            merged = {**state.progress, **payload}
            progress = {key: value for key, value in merged.items() if value is not None}
            if (size := size_of(progress)) > PROGRESS_BYTES:
                raise Malformed(f"payload: {size} bytes of JSON with what is stored, limit {PROGRESS_BYTES}")
            return state.model_copy(update={"progress": progress})
        case JoinClass(class_id=class_id):
            return state.model_copy(update={"class_id": class_id})
        case _:
            if has(state, change):
                return state
            return state.model_copy(update={"answers": _last((*state.answers, change))})


def has(state: State, answer: Answer) -> bool:
    """Whether a state holds this answer, whichever process put it there.

    Answers carry no number, so this goes by their text and time: equal answers within a minute are kept once.
    """
    return any(
        kept.response == answer.response and abs((kept.at - answer.at).total_seconds()) <= SAME_ANSWER_S
        for kept in state.answers
    )


def _last(answers: tuple[Answer, ...]) -> tuple[Answer, ...]:
    """Keep the newest that fit. One that is too long by itself is not kept, nor what came before it."""
    chars = 0
    for place, answer in enumerate(reversed(answers)):
        chars += len(answer.response)
        if place == ANSWERS or chars > ANSWERS_CHARS:
            return answers[len(answers) - place :]
    return answers


@dataclass(frozen=True, slots=True)
class Question:
    """What a session asks."""

    session_id: str
    message: str


class Questions:
    """The questions of one process: at most `in_work` are on the stream unanswered, at most `waiting` before it.

    Of one session one is in work and three wait: however much it asks, the others have their turn.
    A question has its place from `begin` on, until it is answered or `timeout_s` after it was `put` on the stream. An
    answer names a session, not a question: it frees the place of the oldest question of that session.
    """

    def __init__(self, in_work: int = IN_WORK, waiting: int = WAITING, timeout_s: float = ANSWER_TIMEOUT_S) -> None:
        self._limit = in_work
        self._waiting_limit = waiting
        self._timeout_s = timeout_s
        self._waiting: list[Question] = []
        self._in_work: dict[int, Question] = {}  # by ticket, in the order in which they began
        self._until: dict[int, float] = {}  # of those that were put
        self._ticket = 0

    def take(self, question: Question) -> str | None:
        """Let a question wait for its turn; or say how full it is, and take nothing."""
        if len(self._waiting) >= self._waiting_limit:
            return f"{len(self._waiting)} of {self._waiting_limit} questions wait in this process"
        if sum(each.session_id == question.session_id for each in self._waiting) >= WAITING_OF_A_SESSION:
            return f"{WAITING_OF_A_SESSION} of {WAITING_OF_A_SESSION} questions of this session wait"
        self._waiting.append(question)
        return None

    def begin(self, now: float) -> tuple[int, Question] | None:
        """Give the next question a place, and return it with its ticket: put it on the stream. None: wait."""
        for ticket in [ticket for ticket, until in self._until.items() if until <= now]:
            self._free(ticket)
        if len(self._in_work) >= self._limit:
            return None
        asking = {question.session_id for question in self._in_work.values()}
        for place, question in enumerate(self._waiting):
            if question.session_id not in asking:
                del self._waiting[place]
                self._ticket += 1
                self._in_work[self._ticket] = question
                return self._ticket, question
        return None

    def put(self, ticket: int, now: float) -> None:
        """A question is on the stream; it may have been answered by now."""
        if ticket in self._in_work:
            self._until[ticket] = now + self._timeout_s

    def answered(self, session_id: str) -> None:
        """Free the place of the oldest question of a session, if it has one here."""
        for ticket, question in self._in_work.items():
            if question.session_id == session_id:
                self._free(ticket)
                return

    @property
    def due(self) -> float | None:
        """When a place becomes free by itself, as `now` was counted; None: never."""
        return min(self._until.values(), default=None)

    def give_up(self) -> list[Question]:
        """Hand out, in order, every question that is not on the stream, and forget them all."""
        left = [question for ticket, question in self._in_work.items() if ticket not in self._until]
        left += self._waiting
        self._in_work.clear()
        self._until.clear()
        self._waiting.clear()
        return left

    def _free(self, ticket: int) -> None:
        del self._in_work[ticket]
        self._until.pop(ticket, None)


class PendingAnswers:
    """At most `limit` answers, `limit_chars` together, each due `after_s` after it came: nobody has claimed it by then.

    The answers for one session are due together, with the first. Where there are too many, those go that are due first.
    """

    def __init__(
        self, limit: int = PENDING, after_s: float = PENDING_AFTER_S, limit_chars: int = PENDING_CHARS
    ) -> None:
        self._limit = limit
        self._limit_chars = limit_chars
        self._after_s = after_s
        self._waiting: dict[str, tuple[float, list[Answer]]] = {}  # in the order in which they are due
        self._count = self._chars = 0

    def leave(self, session_id: str, answers: Iterable[Answer], now: float) -> int:
        """Let answers wait for their session. Returns how many had to go for them, or of them."""
        due, before = self._waiting.get(session_id, (now + self._after_s, []))
        more = list(answers)
        if not more:
            return 0
        self._waiting[session_id] = due, sorted([*before, *more], key=lambda answer: answer.at)
        self._count += len(more)
        self._chars += chars_of(more)
        dropped = self._count
        while self._count > self._limit or self._chars > self._limit_chars:
            self.claim(next(iter(self._waiting)))
        return dropped - self._count

    def claim(self, session_id: str) -> list[Answer]:
        """Hand out, in order, what waits for a session: it has come, or its answers are due."""
        _, answers = self._waiting.pop(session_id, (0.0, []))
        self._count -= len(answers)
        self._chars -= chars_of(answers)
        return answers

    @property
    def next(self) -> tuple[str, float] | None:
        """Say which session's answers are due next, and when; None: nothing waits."""
        for session_id, (due, _) in self._waiting.items():
            return session_id, due
        return None


def chars_of(answers: Iterable[Answer]) -> int:
    """Count the characters of answers."""
    return sum(len(answer.response) for answer in answers)
