"""What a scenario is: a claim, the clauses that are judged, the clients, and what happens to them.

Owns the form only. A scenario's file has everything else; its docstring is the claim and its source.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..clients.mix import ClientMix
from ..history.terms import NO_DRAIN_TIMEOUT
from ..targets.declaration import Ask, Profile
from .fleet_stage import FleetStage
from .stage import Stage

AnyStage = Stage | FleetStage


@dataclass(frozen=True)
class Scenario:
    """One run of a target. `mix` says which clients take part, given their number; `perform` runs it.

    `position`: `run all` performs and `list` prints the scenarios in the order of their positions. `needs` is a field
    of the profile without which it cannot run; if that field changes the command, the changed command is used, and
    `words` are the values of its placeholders. `comes_up=False`: the stage does not wait until the target is ready.
    `asks` is what is asked of the target: the times on which the claim depends, and at most that many clients. A target
    on which these times cannot be set runs with those that it promises; `least_drain_timeout_s` is the least drain
    timeout that it must promise then (None: any).
    `parent_delay_s`: a parent process passes the signal on, in this scenario only. `workers`: the target needs several;
    `broker`: the target gets the harness's own broker; both have reconnecting clients. `by_name_only`: not part of
    `run all`. `hosts`: how many targets there are, on one broker; above 1 it runs on a `FleetStage`. `enough`: the
    least number of clients with which each of its clauses can be decided and there are enough of each kind; `run all`
    uses no more. `most`: that, or another bound on the number that is asked for. `one_stop`: the scenario only tells
    the target's processes to stop, once, so that it also runs on a target that something else has started. `usual`: how
    many clients there are where nobody has said how many. `limited`: the target keeps its limits on how fast a client
    may send. `claims`: what it judges by name, besides its clauses (`harness.clauses.abuse`).
    """

    name: str
    position: int
    enough: int
    story: str | None
    clauses: tuple[int, ...]
    mix: Callable[[int], ClientMix]
    perform: Callable[[Any], Awaitable[None]]
    needs: str | None = None
    words: Mapping[str, str] = field(default_factory=dict)
    comes_up: bool = True
    asks: Ask | None = None
    least_drain_timeout_s: float | None = None
    parent_delay_s: float = 0.0
    workers: bool = False
    broker: bool = False
    by_name_only: bool = False
    hosts: int = 1
    most: int | None = None
    one_stop: bool = False
    usual: int | None = None
    limited: bool = False
    claims: tuple[str, ...] = ()

    def stage(self, profile: Profile, ask: Ask) -> AnyStage:
        """The stage on which it runs."""
        mix = self.mix(ask.clients)
        if self.hosts > 1:
            return FleetStage(profile, ask, self.hosts, mix.evict_per_s)
        return Stage(profile, ask, mix, self.comes_up, self.broker)

    @property
    def claim(self) -> str:
        """The first paragraph of its docstring, on one line."""
        return " ".join(inspect.cleandoc(self.story or "").split("\n\n")[0].split())

    def asked(self, ask: Ask) -> Ask:
        """What is asked of the target here."""
        asks = self.asks or ask
        wanted = ask.clients if ask.chosen or self.usual is None else self.usual
        clients = min(wanted, asks.clients, self.most or wanted)
        return replace(
            ask, clients=clients, timeout_s=asks.timeout_s, close_timeout_s=asks.close_timeout_s, quiet=asks.quiet
        )

    def among_all(self) -> Scenario:
        """The same scenario as part of `run all`."""
        return replace(self, most=self.enough)

    def why_excluded(self, profile: Profile) -> str | None:
        """Why this target is excluded from this scenario; None where it is not."""
        if profile.url and not self.one_stop:
            return "the harness did not start the target: it is told to stop, once, and nothing else is done to it"
        if self.needs is not None and getattr(profile, self.needs) is None:
            return f"the target declares no {self.needs}"
        if self.workers and profile.processes == 1:
            return "the target declares that one process serves"
        if self.broker and profile.broker_env is None:
            return "the target declares no broker_env"
        if (self.workers or self.broker) and not profile.envelopes:
            if self.broker and self.hosts == 1:  # what a server owes while the broker is away is sent in envelopes
                return "the target declares no envelopes"
            if profile.talk is None or profile.talk.resume is None:
                return "the target does not declare how a client resumes: talk.remember and talk.resume"
        return self._why_too_short(profile)

    def _why_too_short(self, profile: Profile) -> str | None:
        """Why this target does not serve its clients long enough once it is told to stop; None if it does."""
        if self.least_drain_timeout_s is None or profile.drain_timeout_env is not None:
            return None
        if profile.drain_timeout_s is None:
            return NO_DRAIN_TIMEOUT
        if profile.drain_timeout_s < self.least_drain_timeout_s:
            promised = f"the target promises a drain timeout of {profile.drain_timeout_s:g} s"
            needed = f"and this takes {self.least_drain_timeout_s:g} s"
            return f"{promised}, {needed}: declare drain_timeout_env if it can be told"
        return None

    def suited(self, profile: Profile) -> Profile:
        """The target as this scenario starts it."""
        changes_the_command = self.needs is not None and self.needs.endswith(("_command", "_options"))
        suited = profile.variant(self.needs) if self.needs and changes_the_command else profile
        for word, value in self.words.items():
            suited = suited.changed(command=tuple(part.replace(f"{{{word}}}", value) for part in suited.command))
        if self.limited and suited.rate_envs is not None:
            suited = suited.changed(rate_envs=None)
        return suited.changed(parent_delay_s=max(suited.parent_delay_s, self.parent_delay_s))


def by_position(scenarios: Iterable[Scenario]) -> dict[str, Scenario]:
    """Scenarios by name, in order of their positions. Raises ValueError where two have one name or one position."""
    found: dict[str, Scenario] = {}
    for scenario in sorted(scenarios, key=lambda each: each.position):
        before = next(reversed(found.values()), None)
        if scenario.name in found or (before and before.position == scenario.position):
            raise ValueError(f"scenario {scenario.name}: its name, or its position {scenario.position}, is taken")
        found[scenario.name] = scenario
    return found
