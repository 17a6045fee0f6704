"""Which clients take part in a scenario: how many of each persona, and the clients made from that.

Owns the numbers, and the random generator that chooses each client's moments. Refuses to know connections. Names are
`{persona}-{number}`.

How much the clients say follows from their number. A broadcast costs one delivery for each client. The deliveries of
all busy senders together stay below `DELIVERIES_PER_S`, those of the talkers below `TALK_DELIVERIES_PER_S`, and texts
that are only answered below `ANSWERS_PER_S`. A rate that is asked for (`Ask.say_per_s`, or else `Talk.say_per_s`) takes
precedence. Moments of one kind are spread: each client gets a part of the time, and a random moment in it.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from ..history.record import History
from ..targets.declaration import Ask, Profile
from .client import Client
from .declared_dialect import DeclaredDialect
from .dialects import DIALECTS, Dialect, Envelope, Twice
from .hostile import (
    CloseIgnorer,
    HalfHandshake,
    HalfOpen,
    MidFragment,
    PingIgnorer,
    Resetter,
    SilentPeer,
    StalledReader,
)
from .personas import (
    BusySender,
    Cooperative,
    Interrupted,
    LateAnswerer,
    Leaver,
    Lingerer,
    Quitter,
    SlowReader,
    Talker,
)

DELIVERIES_PER_S = 4000
TALK_DELIVERIES_PER_S = 3000
ANSWERS_PER_S = 600
BURST_EVERY_S = 0.75
SHORTEST_BURST, LONGEST_BURST = 2, 30
LOUDEST = 10  # with more talkers, each would only say less
EVICTION_S = 3.3
CODES = (1000, None, 1001, 3000, None, 3999)  # None: a close frame without one
LATEST_ANSWER = 0.9  # of the close timeout, or of 1 s where no close timeout is declared
AT_SIGNAL_S = 0.010
NOT_AT_ONCE_S = 0.4  # after the signal, and before the deadline: so that the reply is owed
REMARK_DELIVERIES = 15_000  # what the remarks of one drain come to at most
RACE_S = 0.003  # a client that leaves earlier would leave before the handshakes that race the signal
INTERRUPTED_S = 0.1

LISTENERS = (Cooperative, Interrupted, LateAnswerer, Lingerer, SlowReader)

C = TypeVar("C", bound=Client)


def enough_of_a_kind(clients: int) -> int:
    """How many clients of one kind a crowd of that size has: of 150 clients or more, ten or 3 %, whichever is more.

    A smaller crowd has fewer, but at least one: it seldom shows a fault that hits one client in fifty of a kind.
    """
    return max(1, min(10, clients // 15), round(0.03 * clients))


@dataclass(frozen=True)
class ClientMix:
    """How many clients of each persona take part.

    `late_leavers` leave only after the deadline, while others are evicted; `leavers_at_signal` leave at the moment of
    the signal. `eviction_s`: how long the eviction of the clients that stay should last. `left_by`: the part of the
    drain timeout by which the leavers have left. `remarks`: so many of the clients that otherwise only listen say one
    thing while the target drains, so that a reply is owed to clients of every kind. `attackers`: so many connections
    there may be besides (`abuse`).
    """

    lingerers: int = 0
    cooperative: int = 0
    leavers: int = 0
    leavers_at_signal: int = 0
    late_leavers: int = 0
    late_answerers: int = 0
    interrupted: int = 0
    slow_readers: int = 0
    busy_senders: int = 0
    talkers: int = 0
    quitters: int = 0
    stalled_readers: int = 0
    half_opens: int = 0
    ping_ignorers: int = 0
    close_ignorers: int = 0
    half_handshakes: int = 0
    silent_peers: int = 0
    mid_fragments: int = 0
    resetters: int = 0
    remarks: int = 0
    eviction_s: float = EVICTION_S
    left_by: float = 0.9
    attackers: int = 0

    @property
    def size(self) -> int:
        """The number of all clients."""
        leaving = self.cooperative + self.leavers + self.leavers_at_signal + self.quitters + self.resetters
        return self.staying + leaving

    @property
    def staying(self) -> int:
        """The number of clients that are still connected at the deadline."""
        return self.late_leavers + self.evicted

    @property
    def evicted(self) -> int:
        """The number of clients that stay until they are evicted."""
        peaceful = self.lingerers + self.late_answerers + self.interrupted + self.slow_readers
        loud = self.busy_senders + self.talkers
        unread = self.stalled_readers + self.half_opens + self.half_handshakes + self.silent_peers
        return peaceful + loud + unread + self.ping_ignorers + self.close_ignorers + self.mid_fragments

    @property
    def evict_per_s(self) -> float:
        """The pace at which the eviction lasts `eviction_s` at least: a clause about pace needs 3 s of it.

        Late leavers are not counted: most of them leave by themselves.
        """
        return max(1.0, round(self.evicted / self.eviction_s, 2))


class ClientFactory:
    """Makes the clients of one run: the target's dialect, its paths, moments drawn from the seed."""

    def __init__(self, profile: Profile, ask: Ask, mix: ClientMix, history: History) -> None:
        self.profile = profile
        self.ask = ask
        self.mix = mix
        self.history = history
        self.dice = random.Random(ask.seed)
        self._numbers = itertools.count(1)
        self.say_per_s = ask.say_per_s or (profile.talk.say_per_s if profile.talk else None)

    @property
    def span_s(self) -> float:
        """The time in which clients leave by themselves: up to the deadline, or else as long as was asked for."""
        timeout_s = self.history.terms.drain_timeout_s
        return self.ask.timeout_s if timeout_s is None else timeout_s

    def assemble(self) -> list[Client]:
        """All clients of the mix, in an order that mixes the personas."""
        mix, d = self.mix, self.span_s
        clients: list[Client] = []
        clients += (self.listener(Lingerer) for _ in range(mix.lingerers))
        clients += (self.listener(Cooperative) for _ in range(mix.cooperative))
        clients += self._leavers(mix.leavers, 0.1 * d, mix.left_by * d)
        clients += self._leavers(mix.leavers_at_signal, RACE_S, AT_SIGNAL_S)
        clients += self._leavers(mix.late_leavers, d + 0.02, d + mix.eviction_s / 2)
        clients += self._late_answerers()
        clients += self._interrupted()
        clients += (self.listener(SlowReader) for _ in range(mix.slow_readers))
        clients += (self._busy_sender() for _ in range(mix.busy_senders))
        clients += (self._talker() for _ in range(mix.talkers))
        clients += (self._at(Quitter, self.profile.heavy) for _ in range(mix.quitters))
        clients += self._odd_ones()
        self._let_listeners_remark([client for client in clients if isinstance(client, LISTENERS)])
        self.dice.shuffle(clients)
        return clients

    def _let_listeners_remark(self, listeners: list[Client]) -> None:
        remarks = min(self.mix.remarks, len(listeners))
        moments = self._spread(remarks, NOT_AT_ONCE_S, max(NOT_AT_ONCE_S, self.span_s - NOT_AT_ONCE_S))
        for client, moment in zip(self.dice.sample(listeners, remarks), moments, strict=True):
            client.answerable = isinstance(client.dialect, Envelope) or self.profile.talk_path is None
            client.remarks_s = moment

    def _odd_ones(self) -> Iterator[Client]:
        mix = self.mix
        numbers = {
            HalfOpen: mix.half_opens,
            PingIgnorer: mix.ping_ignorers,
            CloseIgnorer: mix.close_ignorers,
            HalfHandshake: mix.half_handshakes,
            SilentPeer: mix.silent_peers,
            MidFragment: mix.mid_fragments,
        }
        for persona, number in numbers.items():
            yield from (self._at(persona, self.profile.ws) for _ in range(number))
        yield from (self.stalled_reader() for _ in range(mix.stalled_readers))
        for _ in range(mix.resetters):
            resetter = self._at(Resetter, self.profile.ws)
            resetter.vanishes_s = self.dice.uniform(0.1, 0.9) * self.span_s
            yield resetter

    def listener(self, persona: type[C], name: str | None = None) -> C:
        """One client that says nothing; every third speaks envelopes where the target knows them."""
        number = next(self._numbers)
        speaks_envelopes = self.profile.envelopes and number % 3 == 0
        dialect = Envelope if speaks_envelopes else self.dialect_of
        return self._make(persona, name or f"{persona.persona}-{number}", number, dialect, self.profile.ws)

    def _leavers(self, count: int, earliest_s: float, latest_s: float) -> Iterator[Leaver]:
        for n, leaves_s in enumerate(self._spread(count, earliest_s, latest_s)):
            leaver = self.listener(Leaver)
            leaver.leaves_s, leaver.code = leaves_s, CODES[n % len(CODES)]
            yield leaver

    def _late_answerers(self) -> Iterator[LateAnswerer]:
        """Clients whose answers are spread over the close timeout, except its last part: the machine may be slow."""
        for delay_s in self._spread(self.mix.late_answerers, 0.0, LATEST_ANSWER * self.history.terms.answered_within_s):
            late_answerer = self.listener(LateAnswerer)
            late_answerer.close_answer_delay_s = delay_s
            yield late_answerer

    def _interrupted(self) -> Iterator[Interrupted]:
        """Clients of which half answer the close frame together with the message, the others after it."""
        for n, delay_s in enumerate(self._spread(self.mix.interrupted, 0.0, INTERRUPTED_S)):
            interrupted = self.listener(Interrupted)
            interrupted.close_answer_delay_s = delay_s if n % 2 == 0 else 0.0
            yield interrupted

    def _spread(self, count: int, earliest: float, latest: float) -> Iterator[float]:
        """`count` random moments: the time is divided into as many equal parts, and each part has one."""
        step = (latest - earliest) / max(1, count)
        return (earliest + step * (n + self.dice.random()) for n in range(count))

    def _busy_sender(self) -> BusySender:
        """A busy sender. Where the target has rooms it publishes into one of its own: many answers and no fan-out."""
        number = next(self._numbers)
        name = f"{BusySender.persona}-{number}"
        count = self.mix.busy_senders
        if self.profile.envelopes:
            busy = self._make(BusySender, name, number, Envelope, self.profile.ws)
            busy.dialect.room, busy.broadcasts = name, False
            bursts_per_s = ANSWERS_PER_S / count / LONGEST_BURST
        else:
            busy = self._make(BusySender, name, number, self.dialect_of, self.profile.ws)
            texts_per_s = DELIVERIES_PER_S / self.mix.size / count
            busy.burst = max(SHORTEST_BURST, min(LONGEST_BURST, int(texts_per_s * BURST_EVERY_S)))
            bursts_per_s = texts_per_s / busy.burst
        if self.say_per_s is not None:
            busy.burst = max(1, min(busy.burst, int(self.say_per_s)))
            bursts_per_s = min(bursts_per_s, self.say_per_s / busy.burst)
        busy.interval_s = max(busy.interval_s, 1 / bursts_per_s)
        busy.dice = random.Random(self.dice.random())
        return busy

    def _talker(self) -> Talker:
        talker = self._at(Talker, self.profile.talk_path)
        talker.interval_s = max(0.2, self.mix.size * self.mix.talkers / TALK_DELIVERIES_PER_S)
        if self.say_per_s is not None:
            talker.interval_s = 1 / self.say_per_s
        talker.first_s = self.dice.uniform(0.05, min(0.5, talker.interval_s))
        talker.dice = random.Random(self.dice.random())
        return talker

    def _at(self, persona: type[C], path: str | None) -> C:
        """One client that speaks the dialect, on its own path if the target has one for it."""
        number = next(self._numbers)
        name = f"{persona.persona}-{number}"
        return self._make(persona, name, number, self.dialect_of, path or self.profile.ws)

    def stalled_reader(self) -> StalledReader:
        """One more client that does not read."""
        return self._at(StalledReader, self.profile.talk_path)

    def dialect_of(self, me: str) -> Dialect:
        """How one client talks: as `talk` of the target declares, or else as its dialect says."""
        dialect = DIALECTS[self.profile.dialect]
        talk = self.profile.talk
        return dialect(me) if talk is None else DeclaredDialect(talk, me, dialect.speaks, dialect is Twice)

    def _make(self, persona: type[C], name: str, number: int, dialect: Callable[[str], Dialect], path: str) -> C:
        path = path.replace("{client}", name).replace("{number}", str(number))
        return persona(name, self.history, dialect(name), path)
