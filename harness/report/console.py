"""The report for people: what happens while it happens, then the timeline, the verdicts and one closing line.

Owns what is printed. On a terminal progress is one line that changes, and the verdicts are a table; piped, it
is plain lines. Drawing is kept to four times a second: it costs the loop that also observes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from typing import TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from ..clauses import Ruling, Verdict
from ..clauses.levels import Standing
from ..run import Outcome, with_claims
from ..scenarios import AnyStage
from ..targets.findings import Findings
from ..targets.target import TargetFailed
from .timeline import hosts_timeline, starvation_of, timeline

DRAW_EVERY_S = 0.25
LOOK_EVERY_S = 0.05
COLOURS = {
    Verdict.PASS: "green",
    Verdict.FAIL: "bold red",
    Verdict.UNKNOWN: "yellow",
    Verdict.EXCLUDED: "dim",
}


class ConsoleReport:
    """Prints to one stream."""

    def __init__(self, connection: TextIO | None = None) -> None:
        self._console = Console(file=connection, highlight=False, markup=False, soft_wrap=True)
        self._said_blind = False

    async def watch(self, stage: AnyStage) -> None:
        """Show a stage until cancelled."""
        if not self._console.is_terminal:
            await self._watch_phases(stage)
        with Live(console=self._console, auto_refresh=False, transient=True) as live:
            while True:
                live.update(Text(progress(stage, stage.phases[-1])), refresh=True)
                await asyncio.sleep(DRAW_EVERY_S)

    async def _watch_phases(self, stage: AnyStage) -> None:
        shown = 0
        try:
            while True:
                for phase in stage.phases[shown:]:
                    self._console.print(progress(stage, phase))
                    shown += 1
                await asyncio.sleep(LOOK_EVERY_S)
        finally:  # a target that exits at once leaves no time for another look
            for phase in stage.phases[shown:]:
                self._console.print(progress(stage, phase))

    def begin(self, scenario: str, target: str, seed: int) -> None:
        """Say what is about to be done."""
        self._console.print(f"{scenario}: {target} (seed {seed})")

    def show_findings(self, findings: Findings) -> None:
        """What a survey found, and the options that override it."""
        for line in findings.lines():
            self._console.print(line)

    def run_again(self, at_most: int, number: int, rulings: Sequence[Ruling]) -> None:
        """Why a scenario is run again."""
        which = ", ".join(str(ruling.id or ruling.name) for ruling in rulings)
        clauses = f"clause {which} was" if len(rulings) == 1 else f"clauses {which} were"
        self._console.print(f"run again ({number} of {at_most}): {clauses} unknown because the machine was busy")
        for ruling in rulings:
            self._console.print(f"  {number_of(ruling):>2}  {ruling.evidence}")

    def show(self, outcome: Outcome) -> None:
        """The timeline, the verdicts, and one closing line; once, that nobody can see whether a target is starved."""
        if (reason := starvation_of(outcome.history)) not in ("recorded", "none") and not self._said_blind:
            self._console.print(f"harness: {reason}: a target that waits for a core is not excused")
            self._said_blind = True
        self._console.print(Text(timeline_text(outcome)))
        if self._console.is_terminal:
            self._console.print(table_of(outcome))
        else:
            for ruling in [*outcome.rulings, *outcome.claims]:
                said = evidence_of(outcome, ruling)
                self._console.print(f"{number_of(ruling):>2}  {ruling.name:<23} {ruling.verdict:<8}  {said}")
                if ruling.to_do:
                    self._console.print(f"    {'':<23} {'to do':<8}  {to_do_of(ruling)}")
        self._console.print(Text(closing_line(outcome), style=COLOURS[outcome.verdict]))

    def conclude(self, standing: Standing, outcomes: Sequence[Outcome] = ()) -> None:
        """How far the target gets over everything that was performed, what of `known` is outdated, and what decides.

        What decides: of several scenarios, whose tables may be far above, each ruling that makes the exit status.
        """
        for number in standing.outdated:
            entry = f"known {number} ({standing.known[number].reason})"
            self.complain(f"{entry}: the clause passes; take the entry out, or say --flaky (flaky = true)")
        if standing.follows:
            causes = f"{len(standing.causes)} {'cause' if len(standing.causes) == 1 else 'causes'}"
            failures = sum(verdict is Verdict.FAIL for verdict in standing.verdicts.values())
            self._console.print(f"{failures} clauses fail, of {causes}: {', '.join(map(str, standing.causes))}")
        if chances := standing.chances:
            listed = ", ".join(f"{100 * chance:.0f} % by clause {number}" for number, chance in chances.items())
            self._console.print(f"a fault that hits 1 % of clients by chance would have been seen: {listed}")
        for scenario, ruling in deciding(standing, outcomes) if len(outcomes) > 1 else ():
            which = f"{number_of(ruling)} {ruling.name}".strip()
            self._console.print(f"decides the exit status: {which} in {scenario}, {ruling.verdict}: {ruling.evidence}")
        self._console.print(Text(standing.reach, style=COLOURS[standing.verdict]))

    def show_failure(self, failure: TargetFailed) -> None:
        """Why the target did not come up, or went by itself: reason, last lines, exit status, log."""
        for line in failure.tail:
            self._console.print(f"  | {line}")
        status = "" if failure.status is None else f"; exit status {failure.status}"
        log = "" if failure.log is None else f"; log: {failure.log}"
        self.complain(f"{failure.what}: {failure.reason}{status}{log}")

    def complain(self, reason: str) -> None:
        """One line that says why there is no verdict."""
        self._console.print(Text(f"harness: {reason}", style="bold red"))


def progress(stage: AnyStage, phase: str) -> str:
    """Where a run stands: the phase, the clients in it, the time since the signal."""
    t0 = stage.history.t0
    clock = "" if t0 is None else f"  t0+{time.monotonic() - t0:.1f} s"
    return f"  {phase}: {stage.counts}{clock}"


PHASES = (
    ("SERVING", ("signal", "first_503")),
    ("DRAINING", ("first_notice", "last_notice")),
    ("EVICTING", ("first_server_close", "last_close")),
    ("STOPPED", ("exit",)),
)


def timeline_text(outcome: Outcome) -> str:
    """When each phase began, seen from outside: one line a phase, with the moments that came in it."""
    if not outcome.history.events:
        return "not performed"
    if hosts := hosts_timeline(outcome.history):
        return "\n".join(
            ["hosts, from the moment at which the load began:", *(host_text(*host) for host in hosts.items())]
        )
    moments = timeline(outcome.history)
    lines = []
    for phase, names in PHASES:
        reached = [f"{name.replace('_', ' ')} t0{moments[name]:+.3f} s" for name in names if moments[name] is not None]
        lines += [f"  {phase:<9} {', '.join(reached)}"] if reached else []
    status = "still running, killed" if moments["exit"] is None else f"exit status {outcome.status}"
    if outcome.profile.url:
        status = "still running" if moments["exit"] is None else "gone"
    return "\n".join(["phases, as seen from outside:", *lines, f"  {status}"])


def host_text(name: str, moments: dict[str, float]) -> str:
    """What became of one host."""
    return f"  {name:<9} " + ", ".join(f"{what} {t:+.3f} s" for what, t in moments.items())


def deciding(standing: Standing, outcomes: Sequence[Outcome]) -> Iterator[tuple[str, Ruling]]:
    """The rulings, with their scenarios, because of which the exit status is not 0."""
    verdict = with_claims(standing, outcomes)
    for outcome in outcomes if verdict is not Verdict.PASS else ():
        counted = [r for r in outcome.rulings if not (standing.remark(r.id) or outcome.standing.remark(r.id))]
        worst = [ruling for ruling in counted if standing.verdicts[ruling.id] is verdict]
        for ruling in [*worst, *outcome.claims]:
            if ruling.verdict is verdict:
                yield outcome.scenario.name, ruling


def evidence_of(outcome: Outcome, ruling: Ruling) -> str:
    """The evidence, after why it is not counted, or with what: `[above clean] 12 of 40 ...`, `[follows from 5] ...`."""
    remark = remark_of(outcome, ruling)
    if ruling.follows_from is not None and not remark:
        remark = f"follows from {ruling.follows_from}"
    return f"[{remark}] {ruling.evidence}" if remark else ruling.evidence


def remark_of(outcome: Outcome, ruling: Ruling) -> str:
    """Why a verdict does not count; a claim has no level, and always does."""
    return outcome.standing.remark(ruling.id) if ruling.id else ""


def number_of(ruling: Ruling) -> str:
    """The number of a clause; a claim has none."""
    return str(ruling.id or "")


def to_do_of(ruling: Ruling) -> str:
    """What to do about a failure: where it follows from another one, see there."""
    return ruling.to_do if ruling.follows_from is None else f"see clause {ruling.follows_from}"


def table_of(outcome: Outcome) -> Table:
    """The verdicts for a terminal."""
    table = Table("clause", "name", "verdict", "evidence", box=None, header_style="dim")
    for ruling in [*outcome.rulings, *outcome.claims]:
        verdict = Text(str(ruling.verdict), style="dim" if remark_of(outcome, ruling) else COLOURS[ruling.verdict])
        table.add_row(Text(number_of(ruling)), Text(ruling.name), verdict, Text(evidence_of(outcome, ruling)))
        if ruling.to_do:
            table.add_row("", "", Text("to do", style="dim"), Text(to_do_of(ruling)))
    return table


def closing_line(outcome: Outcome) -> str:
    """How many clauses of the asked level had which verdict, and which were not kept; the others after them."""
    counted = [ruling for ruling in outcome.rulings if not outcome.standing.remark(ruling.id)]
    parts = [f"{outcome.scenario.name}: {verdicts_of(counted)}"]
    for remark, about in (("known", "known"), (f"above {outcome.profile.level}",) * 2):
        others = [ruling for ruling in outcome.rulings if remark in outcome.standing.remark(ruling.id).split(": ")[0]]
        parts += [f"{about}: {verdicts_of(others)}"] if others else []
    parts += [f"its claims: {verdicts_of(outcome.claims)}"] if outcome.claims else []
    return "; ".join(parts)


def verdicts_of(rulings: list[Ruling]) -> str:
    """How many of which verdict, by number where it is no pass: `12 pass, 4 fail (4, 5, 6, 8; 1 cause: 5)`."""
    found = {verdict: [r.id or r.name for r in rulings if r.verdict is verdict] for verdict in Verdict}
    parts = []
    for verdict, ids in found.items():
        which = "" if verdict is Verdict.PASS else f" ({', '.join(map(str, ids))}{causes_among(rulings, verdict)})"
        parts += [f"{len(ids)} {verdict}{which}"] if ids else []
    return ", ".join(parts) or "nothing that counts"


def causes_among(rulings: list[Ruling], verdict: Verdict) -> str:
    """From how many of these failures the others follow: `; 1 cause: 5`; nothing where each is one of its own."""
    failures = [ruling for ruling in rulings if ruling.verdict is verdict is Verdict.FAIL]
    causes = [str(ruling.id) for ruling in failures if ruling.follows_from is None]
    if len(causes) in (0, len(failures)):
        return ""
    return f"; {len(causes)} {'cause' if len(causes) == 1 else 'causes'}: {', '.join(causes)}"
