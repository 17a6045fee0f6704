"""The three levels of the contract, and how far a target gets over everything that one command has shown of it.

Owns which clause belongs to which level, what the exit status is about, and what becomes of a failure that was to be
expected. Refuses to know scenarios and how a report is printed. Source: the contract, *Levels*.

Rules. Over several scenarios a clause fails before it is unknown, before it passes, before it is excluded; but a want
of observations in one scenario is made good by another that had enough. A level is reached when every clause of it was
looked at, and passes or is excluded. A failure that is expected (`known`) is not counted for the exit status, but it is
no pass either; one that passes wherever it was looked at is an error, since its entry would hide the next failure. What
follows from another failure counts with that one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from ..targets.declaration import Known, Level, Profile
from .verdict import Ruling, Verdict

CLAUSES_OF: dict[Level, frozenset[int]] = {
    "clean": frozenset({10, 11, 13, 14, 16, 17, 18, 19, 20, 21, 22, 24, 30, 35}),
    "drain": frozenset({1, 2, 3, 6, 7, 9, 12, 15, 23, 25, 26, 27, 29}),
    "handover": frozenset({4, 5, 8, 28, 31, 32, 33, 34}),
}
RARE = 0.01
WORST_FIRST = (Verdict.FAIL, Verdict.UNKNOWN, Verdict.PASS, Verdict.EXCLUDED)


def level_of(number: int) -> Level:
    """The level to which a clause belongs. Raises ValueError for one that belongs to none."""
    for level, clauses in CLAUSES_OF.items():
        if number in clauses:
            return level
    raise ValueError(f"clause {number} belongs to no level: write it into CLAUSES_OF")


def up_to(level: Level) -> frozenset[int]:
    """The clauses of a level and of those before it."""
    levels = list(CLAUSES_OF)
    return frozenset().union(*(CLAUSES_OF[each] for each in levels[: levels.index(level) + 1]))


@dataclass(frozen=True)
class Standing:
    """What one command has shown of a target: of each clause that was looked at the worst verdict.

    `follows`: from which other failure a failure follows, wherever it was seen. `clients`: of how many clients in all a
    pass was seen, of each clause that is about each of them.
    """

    verdicts: Mapping[int, Verdict]
    level: Level
    known: Mapping[int, Known]
    follows: Mapping[int, int] = field(default_factory=dict)
    clients: Mapping[int, int] = field(default_factory=dict)

    @property
    def outdated(self) -> list[int]:
        """The clauses of the asked level that were expected to fail, are not flaky, and pass."""
        passing = (number for number in self._asked if self.verdicts[number] is Verdict.PASS)
        return [number for number in passing if number in self.known and not self.known[number].flaky]

    @property
    def verdict(self) -> Verdict:
        """What the exit status says: of the asked level, without what is known; unknown where nothing was looked at."""
        counted = {self.verdicts[number] for number in self._asked if not self.remark(number)}
        if self.outdated or Verdict.FAIL in counted:
            return Verdict.FAIL
        return Verdict.UNKNOWN if Verdict.UNKNOWN in counted or not self._asked else Verdict.PASS

    @property
    def causes(self) -> list[int]:
        """The clauses that fail and do not follow from another failure: what there is to mend."""
        return [
            number
            for number, verdict in self.verdicts.items()
            if verdict is Verdict.FAIL and number not in self.follows
        ]

    @property
    def chances(self) -> dict[int, float]:
        """Of each clause that passes how probable it was to see a fault that hits one client in a hundred."""
        return {number: 1 - (1 - RARE) ** count for number, count in self.clients.items() if count}

    @property
    def reach(self) -> str:
        """How far the target gets: `clean 10 of 14, 4 not looked at; drain 3 of 13, 10 fail; handover 8 of 8`."""
        return "; ".join(self._reach_of(level) for level in CLAUSES_OF)

    def remark(self, number: int) -> str:
        """Why the verdict on a clause does not count: `above clean`, `known: SHOP-123`; empty where it does."""
        if number not in up_to(self.level):
            return f"above {self.level}"
        if (entry := self.known.get(number)) is not None:
            return f"known: {entry.reason}"
        remark = self.remark(self.follows[number]) if number in self.follows else ""
        return f"follows from {self.follows[number]}, {remark}" if remark else ""

    @property
    def _asked(self) -> list[int]:
        return sorted(up_to(self.level) & self.verdicts.keys())

    def _reach_of(self, level: Level) -> str:
        clauses = CLAUSES_OF[level]
        found = Counter(self.verdicts[number] for number in clauses if number in self.verdicts)
        parts = [f"{level} {found[Verdict.PASS] + found[Verdict.EXCLUDED]} of {len(clauses)}"]
        others = {"fail": found[Verdict.FAIL], "unknown": found[Verdict.UNKNOWN]}
        others["not looked at"] = len(clauses) - found.total()
        return ", ".join(parts + [f"{count} {what}" for what, count in others.items() if count])


def standing_of(profile: Profile, rulings: Iterable[Ruling]) -> Standing:
    """What the rulings of any number of scenarios come to for a target that declares its level and what is known."""
    worst: dict[int, Ruling] = {}
    causes: dict[int, set[int | None]] = {}
    clients: Counter[int] = Counter()
    for ruling in rulings:
        worst[ruling.id] = min(worst.get(ruling.id, ruling), ruling, key=_rank)
        if ruling.verdict is Verdict.FAIL or ruling.follows_from is not None:
            causes.setdefault(ruling.id, set()).add(ruling.follows_from)
        clients[ruling.id] += ruling.clients
    follows = {
        number: min(each for each in of if each is not None)
        for number, of in causes.items()
        if None not in of and worst[number].verdict in (Verdict.FAIL, Verdict.UNKNOWN)
    }
    seen = {number: count for number, count in sorted(clients.items()) if worst[number].verdict is Verdict.PASS}
    verdicts = {number: ruling.verdict for number, ruling in worst.items()}
    return Standing(verdicts, profile.level, profile.known, follows, seen)


def _rank(ruling: Ruling) -> int:
    """What counts before what: a want of observations, or of an exit, comes right before an exclusion."""
    places = [*WORST_FIRST[:-1], "short", WORST_FIRST[-1]]
    made_good = ruling.short or (ruling.verdict is Verdict.UNKNOWN and ruling.follows_from is not None)
    return places.index("short" if made_good else ruling.verdict)
