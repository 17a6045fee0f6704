"""One client's life over all of its connections: what to send, what is a duplicate, when to move, when to try again.

Owns the decisions; events in, effects out, time is an argument (seconds, monotonic). Pure. The shell calls `tick` at
`due_at` and performs the effects. Refuses to know sockets and tasks.

Rules. One connection is `current`, and only what comes on it is delivered. Another one may be on its way, the
`attempt`: it becomes current when the server has answered its resume, and only then the former one is left. What the
former one delivered in the meantime comes once more at the beginning of the new one's replay, and is recognised by its
number. After a notice an attempt begins at the advised moment; after a cut, and after a failed attempt, it waits with
full jitter and exponential backoff. A publish that is not acknowledged is repeated on the next connection, with its id.
A few publishes wait for their acknowledgement, the others for these; where the server finds the client too fast all of
them wait until it may go on. So they are published in their order. Source: `docs/wire.md`, "Resume", "Too fast".
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from . import wire
from .attempts import Attempts
from .events import Deliver, Effect, End, Ending, Leave, Lose, Notify, Open, Published, Refuse, Renew, Send, Status
from .position import LogPosition

WINDOW = 32  # publishes that were sent and not acknowledged: less than a server takes at once, also after a reconnect
ATTEMPT_S = 10.0  # for the handshake and the answer to the resume


@dataclass(slots=True)
class Link:
    """A connection. `move_at`: the advised moment. After `replay` more messages the log is complete up to `replay_to`.

    `resumes` is whether it asked for a replay, `rooms` are those in its handshake.
    """

    number: int
    place: int
    began_at: float
    resumes: bool
    rooms: frozenset[str]
    notice: wire.Draining | None = None
    move_at: float | None = None
    replay: int = 0
    replay_to: int = 0


class Machine:
    """A client that may connect to any of `places`. `dice` gives it numbers from 0 to 1.

    `renews` is whether it can get another token when that of a connection expires.
    """

    def __init__(
        self, places: Sequence[int], rooms: Iterable[str], dice: Callable[[], float], renews: bool = False
    ) -> None:
        self.position = LogPosition()
        self.current: Link | None = None
        self.attempt: Link | None = None
        self.rooms: set[str] = set()
        self.pending: dict[str, str] = {}
        self.ended = False
        self._sent: set[str] = set()  # of these, on the current connection
        self._held_until: float | None = None  # the server said that we are too fast
        self._said: deque[str] = deque(maxlen=wire.MOST_ROOMS)  # of rooms, on the current connection
        self._says_again = False
        self._renews = renews
        self._renewal: tuple[int, str] | None = None  # which connection, and what is to be said on it
        self._attempts = Attempts(places, dice)
        self._numbers = 0
        for room in rooms:
            self.join(room)

    @property
    def due_at(self) -> float | None:
        """When `tick` is to be called; None when nothing is due."""
        if self.ended:
            return None
        due = [moment for moment in (self._connect_at, self._held_until) if moment is not None]
        return min(due, default=None)

    @property
    def _connect_at(self) -> float | None:
        if self.attempt is not None:
            return self.attempt.began_at + ATTEMPT_S
        if self.current is None:
            return self._attempts.not_before
        return None if self.current.move_at is None else max(self.current.move_at, self._attempts.not_before)

    def tick(self, now: float) -> list[Effect]:
        """Do what is due."""
        effects: list[Effect] = []
        if self._held_until is not None and now >= self._held_until:
            self._held_until = None
            effects = [*self._resay(), *self._flow()]
        if self.ended or self._connect_at is None or now < self._connect_at:
            return effects
        return effects + self._connect(now)

    def _connect(self, now: float) -> list[Effect]:
        if self.attempt is None:
            return self._try(now)
        return [Leave(self.attempt.number), *self._failed(Ending(f"no answer within {ATTEMPT_S:g} s"), now)]

    # ---- What the user wants ----

    def publish(self, id: str, data: Any, room: str | None = None) -> list[Effect]:
        """Publish, now or as soon as there is a connection. Raises ValueError for what the server would not take."""
        if id in self.pending:
            raise ValueError(f"a publish with id {id!r} waits for its acknowledgement")
        self.pending[id] = wire.publish(id, data, room)
        return self._flow()

    def forget(self, id: str) -> None:
        """Do not repeat a publish any more."""
        self.pending.pop(id, None)
        self._sent.discard(id)

    def join(self, room: str) -> list[Effect]:
        """Enter a room, on this connection and all later ones. Raises ValueError for one too many, or a bad name."""
        wire.check_name("room", room)
        if len(self.rooms | {room}) > wire.MOST_ROOMS:
            raise ValueError(f"{len(self.rooms) + 1} rooms, allowed are {wire.MOST_ROOMS}")
        self.rooms.add(room)
        return self._say(wire.join(room))

    def leave(self, room: str) -> list[Effect]:
        """Leave a room."""
        self.rooms.discard(room)
        return self._say(wire.leave(room))

    def renew(self, number: int, token: str) -> list[Effect]:
        """Show another token on a connection; on one that was left it means nothing any more."""
        if self.current is None or self.current.number != number:
            return []
        self._renewal = number, wire.renew(token)
        if self._held_until is not None:
            self._says_again = True
            return []
        return [Send(*self._renewal)]

    def close(self) -> list[Effect]:
        """Leave all connections, and open none."""
        links = [link for link in (self.current, self.attempt) if link is not None]
        self.current = self.attempt = None
        self.ended = True
        return [Leave(link.number) for link in links]

    # ---- What the connections say ----

    def heard(self, number: int, said: wire.ServerMessage, now: float) -> list[Effect]:
        """Take a message of the server; on a connection that was left it means nothing any more."""
        if self.current is not None and self.current.number == number:
            return self._on_current(self.current, said, now)
        if self.attempt is not None and self.attempt.number == number:
            return self._on_attempt(self.attempt, said, now)
        return []

    def lost(self, number: int, ending: Ending, now: float) -> list[Effect]:
        """A connection has ended, or could not be opened."""
        if self.attempt is not None and self.attempt.number == number:
            return self._failed(ending, now)
        if self.current is None or self.current.number != number:
            return []
        former, self.current = self.current, None
        if ending.is_final(arrived_before=True, renews=self._renews):
            return [*self.close(), End(ending)]
        if self.attempt is not None:
            return [Status("cut", former.place, ending.reason)]
        wait_s = self._attempts.cut(now, now - former.began_at, notified=former.move_at is not None)
        return [Status("cut", former.place, ending.reason, wait_s)]

    def _on_current(self, link: Link, said: wire.ServerMessage, now: float) -> list[Effect]:
        match said:
            case wire.Message():
                effects: list[Effect] = [Deliver(said)] if self.position.reach(said.seq) else []
                link.replay -= 1
                if link.replay == 0:
                    self.position.reach(link.replay_to)
                return effects
            case wire.Ack(id=id, seq=seq):
                known = self.pending.pop(id, None) is not None
                self._sent.discard(id)
                return [Published(id, seq), *self._flow()] if known else []
            case wire.Refusal(id=str(id), retry_after_s=float(wait_s)) if id in self.pending:
                self._held_until = now + wait_s
                self._sent.discard(id)
                return []
            case wire.Refusal(id=None, retry_after_s=float(wait_s)):  # a join or a leave, and nobody knows which
                self._held_until = now + wait_s
                self._says_again = True
                return []
            case wire.Refusal(code=code, detail=detail, id=id):
                # Requests are answered in their order: one that could not be read is the oldest without an answer.
                if id is None and code == "malformed":
                    id = next(iter(self.pending), None)
                if id is None:
                    return [Refuse(id, code, detail)]
                known = self.pending.pop(id, None) is not None
                self._sent.discard(id)
                return [Refuse(id, code, detail), *self._flow()] if known else []
            case wire.Gap():
                link.replay = 0
                return [Lose(said)] if self.position.jump(said.epoch, said.next) else []
            case wire.Draining():
                return self._notice(link, said, now)
            case wire.Expiring(expires_in_s=left_s):
                return [Renew(link.number, left_s)] if self._renews else []
            case wire.Renewed():
                self._renewal = None
                return []
            case _:
                return []

    def _on_attempt(self, link: Link, said: wire.ServerMessage, now: float) -> list[Effect]:
        match said:
            case wire.Draining():
                link.notice, link.move_at = said, now + said.reconnect_after_s
                return []
            case wire.Welcome(epoch=epoch, seq=seq) if not link.resumes:
                self.position.begin(epoch, seq)
            case wire.Resumed(epoch=epoch, seq=seq, replayed=replayed) if epoch == self.position.epoch:
                link.replay, link.replay_to = replayed, seq
            case wire.Gap():
                pass
            case wire.Resumed():
                # The old connection has gone on to another epoch meanwhile: this position is no longer ours.
                return [Leave(link.number), *self._failed(Ending("resumed in an epoch that is over"), now)]
            case _:
                return []
        if link.rooms != self.rooms:
            # Its replay lacks a room that was entered meanwhile, or has one too many.
            self.attempt = None
            return [Leave(link.number), *self._try(now)]
        return self._arrive(link, said, now)

    # ---- Ways on ----

    def _arrive(self, link: Link, said: wire.ServerMessage, now: float) -> list[Effect]:
        """The attempt is the current connection from now on; the former one is left."""
        former, self.current, self.attempt = self.current, link, None
        effects: list[Effect] = [Status("connected" if former is None else "moved", link.place)]
        if former is not None:
            self._attempts.moved()
            effects.append(Leave(former.number))
        self._sent.clear()
        self._said.clear()
        self._says_again = False
        self._held_until = None
        effects += self._flow()
        if isinstance(said, wire.Gap):
            effects += self._on_current(link, said, now)
        elif link.replay == 0 and isinstance(said, wire.Resumed):
            self.position.reach(link.replay_to)
        if link.notice is not None and link.move_at is not None:
            effects += self._announce(link, link.notice, link.move_at - now)
        return effects

    def _notice(self, link: Link, notice: wire.Draining, now: float) -> list[Effect]:
        if link.move_at is not None:
            return []
        link.notice, link.move_at = notice, now + notice.reconnect_after_s
        return self._announce(link, notice, notice.reconnect_after_s)

    def _announce(self, link: Link, notice: wire.Draining, wait_s: float) -> list[Effect]:
        return [Notify(notice), Status("draining", link.place, wait_s=max(0.0, wait_s))]

    def _failed(self, ending: Ending, now: float) -> list[Effect]:
        """The attempt did not arrive."""
        assert self.attempt is not None, "only an attempt fails"
        place, self.attempt = self.attempt.place, None
        if ending.is_final(arrived_before=self.position.resume_from is not None, renews=self._renews):
            return [*self.close(), End(ending)]
        return [Status("refused", place, ending.reason, self._attempts.failed(now))]

    def _try(self, now: float) -> list[Effect]:
        """Begin an attempt."""
        place = self._attempts.next_place(drains=None if self.current is None else self.current.place)
        self._numbers += 1
        position = self.position.resume_from
        self.attempt = Link(self._numbers, place, now, position is not None, frozenset(self.rooms))
        return [Open(self._numbers, place, wire.query(position, self.rooms))]

    def _flow(self) -> list[Effect]:
        """Send the oldest publishes that may be sent now."""
        if self.current is None or self._held_until is not None:
            return []
        free = WINDOW - len(self._sent)
        chosen = list(islice((id for id in self.pending if id not in self._sent), max(0, free)))
        self._sent.update(chosen)
        return [Send(self.current.number, self.pending[id]) for id in chosen]

    def _say(self, text: str) -> list[Effect]:
        """Send on the current connection; without one, the next handshake and its repeats say the same."""
        if self.current is None:
            return []
        self._said.append(text)
        if self._held_until is not None:
            self._says_again = True
            return []
        return [Send(self.current.number, text)]

    def _resay(self) -> list[Effect]:
        """Say once more of rooms what was said last: in the end the client is in the same ones. A token is first."""
        again, self._says_again = self._says_again, False
        if not again or self.current is None:
            return []
        number = self.current.number
        renewals = [Send(*self._renewal)] if self._renewal is not None and self._renewal[0] == number else []
        return [*renewals, *(Send(number, text) for text in self._said)]
