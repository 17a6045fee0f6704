"""Which clients take part in a scenario: how many of each persona, and the clients made from that.

Owns the numbers and the dice for each client's moments. Refuses to know connections. Names are
`{persona}-{number}`.

How loud a crowd is follows from its size: a broadcast costs one delivery a client, so that what all of them
say together stays below `DELIVERIES_PER_S`, and one burst below `DELIVERIES_PER_BURST`.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

from ..history.record import History
from ..targets.declaration import Ask, Profile
from .client import Client
from .dialects import DIALECTS, Dialect, Envelope
from .hostile import CloseIgnorer, HalfHandshake, HalfOpen, MidFragment, PingIgnorer, Resetter, StalledReader
from .personas import BusySender, Cooperative, LateAnswerer, Leaver, Lingerer, Quitter, Talker

DELIVERIES_PER_S = 4000
DELIVERIES_PER_BURST = 1500
LONGEST_BURST = 30
EVICTION_S = 3.6
CODES = (1000, 1001, 3000, 3999)

C = TypeVar("C", bound=Client)


@dataclass(frozen=True)
class ClientMix:
    """How many clients of each persona; `late_leavers` are those who leave only after the deadline.

    `eviction_s`: how long the eviction of those who stay is to last.
    """

    lingerers: int = 0
    cooperative: int = 0
    leavers: int = 0
    late_leavers: int = 0
    late_answerers: int = 0
    busy_senders: int = 0
    talkers: int = 0
    quitters: int = 0
    stalled_readers: int = 0
    half_opens: int = 0
    ping_ignorers: int = 0
    close_ignorers: int = 0
    half_handshakes: int = 0
    mid_fragments: int = 0
    resetters: int = 0
    eviction_s: float = EVICTION_S

    @property
    def size(self) -> int:
        """All of them."""
        return self.staying + self.cooperative + self.leavers + self.quitters + self.resetters

    @property
    def staying(self) -> int:
        """Those whom the deadline still finds there."""
        peaceful = self.lingerers + self.late_leavers + self.late_answerers + self.busy_senders + self.talkers
        unread = self.stalled_readers + self.half_opens + self.half_handshakes
        return peaceful + unread + self.ping_ignorers + self.close_ignorers + self.mid_fragments

    @property
    def evict_per_s(self) -> float:
        """The pace that makes the eviction last `eviction_s`: a clause about pace wants 3 s of it."""
        return max(1.0, round(self.staying / self.eviction_s, 2))


class ClientFactory:
    """Makes the clients of one run: the target's dialect, its paths, moments drawn from the seed."""

    def __init__(self, profile: Profile, ask: Ask, mix: ClientMix, history: History) -> None:
        self.profile = profile
        self.ask = ask
        self.mix = mix
        self.history = history
        self.dice = random.Random(ask.seed)
        self._numbers = itertools.count(1)

    def assemble(self) -> list[Client]:
        """All clients of the mix, in an order that mixes the personas."""
        mix, d = self.mix, self.ask.timeout_s
        clients: list[Client] = []
        clients += (self.listener(Lingerer) for _ in range(mix.lingerers))
        clients += (self.listener(Cooperative) for _ in range(mix.cooperative))
        clients += (self._leaver(0.1 * d, 0.9 * d) for _ in range(mix.leavers))
        clients += (self._leaver(d + 0.1, d + mix.eviction_s) for _ in range(mix.late_leavers))
        clients += (self._late_answerer() for _ in range(mix.late_answerers))
        clients += (self._busy_sender() for _ in range(mix.busy_senders))
        clients += (self._talker() for _ in range(mix.talkers))
        clients += (self._at(Quitter, self.profile.heavy) for _ in range(mix.quitters))
        clients += self._odd_ones()
        self.dice.shuffle(clients)
        return clients

    def _odd_ones(self) -> Iterator[Client]:
        mix = self.mix
        numbers = {
            HalfOpen: mix.half_opens,
            PingIgnorer: mix.ping_ignorers,
            CloseIgnorer: mix.close_ignorers,
            HalfHandshake: mix.half_handshakes,
            MidFragment: mix.mid_fragments,
        }
        for persona, number in numbers.items():
            yield from (self._at(persona, self.profile.ws) for _ in range(number))
        yield from (self._at(StalledReader, self.profile.talk_path) for _ in range(mix.stalled_readers))
        for _ in range(mix.resetters):
            resetter = self._at(Resetter, self.profile.ws)
            resetter.vanishes_s = self.dice.uniform(0.1, 0.9) * self.ask.timeout_s
            yield resetter

    def listener(self, persona: type[C], name: str | None = None) -> C:
        """One client that says nothing; every third speaks envelopes where the target knows them."""
        number = next(self._numbers)
        speaks_envelopes = self.profile.envelopes and number % 3 == 0
        dialect = Envelope if speaks_envelopes else DIALECTS[self.profile.dialect]
        return self._make(persona, name or f"{persona.persona}-{number}", number, dialect, self.profile.ws)

    def _leaver(self, earliest_s: float, latest_s: float) -> Leaver:
        leaver = self.listener(Leaver)
        leaver.leaves_s = self.dice.uniform(earliest_s, latest_s)
        leaver.code = self.dice.choice(CODES)
        return leaver

    def _late_answerer(self) -> LateAnswerer:
        late_answerer = self.listener(LateAnswerer)
        late_answerer.close_answer_delay_s = 0.3 * self.ask.close_timeout_s
        return late_answerer

    def _busy_sender(self) -> BusySender:
        """Where the target has rooms it publishes into one of its own: many answers and no fan-out."""
        number = next(self._numbers)
        name = f"{BusySender.persona}-{number}"
        if self.profile.envelopes:
            busy = self._make(BusySender, name, number, Envelope, self.profile.ws)
            busy.dialect.room, busy.broadcasts = name, False
            return busy
        busy = self._make(BusySender, name, number, DIALECTS[self.profile.dialect], self.profile.ws)
        busy.burst = max(1, min(LONGEST_BURST, DELIVERIES_PER_BURST // self.mix.size))
        deliveries = busy.burst * self.mix.size * self.mix.busy_senders
        busy.interval_s = max(busy.interval_s, deliveries / DELIVERIES_PER_S)
        return busy

    def _talker(self) -> Talker:
        talker = self._at(Talker, self.profile.talk_path)
        talker.interval_s = min(1.0, max(0.2, self.mix.size * self.mix.talkers / 1500))
        talker.first_s = self.dice.uniform(0.05, min(0.5, talker.interval_s))
        return talker

    def _at(self, persona: type[C], path: str | None) -> C:
        """One client that speaks the dialect, on a path of its own where the target has one for it."""
        number = next(self._numbers)
        name = f"{persona.persona}-{number}"
        return self._make(persona, name, number, DIALECTS[self.profile.dialect], path or self.profile.ws)

    def _make(self, persona: type[C], name: str, number: int, dialect: type[Dialect], path: str) -> C:
        path = path.replace("{client}", name).replace("{number}", str(number))
        return persona(name, self.history, dialect(name), path)
