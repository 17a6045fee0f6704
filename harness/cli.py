"""The command line: `judge`, `drain`, `run NAME...|all`, `survey`, `load`, `list`, `schema`.

Owns the steps of a command from its options to its exit code: 0 every clause of the asked level passes, is excluded or
is known to fail, 1 one fails (or one that is known to fail passes), 2 one is unknown or there is no verdict (the target
did not start, bad usage), 130 and 143 when interrupted. Whatever happens, what was started is ended.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from functools import partial

from .clauses import CLAUSES, judge
from .clauses.claims import CLAIMS
from .clauses.levels import standing_of, up_to
from .clients.crowd import CrowdIncomplete
from .load.command import load
from .options import PROG, ask_of, parse, profile_of, without_effect
from .report import json as json_report
from .report import junit
from .report.console import ConsoleReport
from .run import EXIT_CODES, PASSED, UNDECIDED, Outcome, run, with_claims
from .scenarios import SCENARIOS, Scenario, that_look_at
from .targets import file as target_file
from .targets.declaration import Ask, Profile
from .targets.form import schema
from .targets.survey import survey
from .targets.target import TargetFailed

INTERRUPTED, TERMINATED = 130, 143


def main(argv: Sequence[str] | None = None, prog: str = PROG) -> int:
    """Do what a command line says; return the exit code."""
    args = parse(sys.argv[1:] if argv is None else argv, prog)
    if args.what == "list":
        return show_list()
    if args.what == "schema":
        return show(json.dumps(schema(), indent=2))
    if args.what == "load":
        return load(args)
    report = ConsoleReport(sys.stderr if args.what == "survey" else None)
    perform = write_survey if args.what == "survey" else run_all
    try:
        with asyncio.Runner(loop_factory=loop_factory()) as runner:
            return runner.run(perform(args, report))
    except KeyboardInterrupt:
        report.complain("interrupted; what was started has been ended")
        return INTERRUPTED
    except asyncio.CancelledError:
        report.complain("terminated; what was started has been ended")
        return TERMINATED
    except TargetFailed as failure:
        report.show_failure(failure)
    except (CrowdIncomplete, OSError) as error:
        report.complain(str(error))
    return UNDECIDED


def scenarios_for(args: argparse.Namespace, profile: Profile) -> list[Scenario]:
    """The scenarios that this command runs on this target."""
    if args.what == "judge":
        return that_look_at(up_to(profile.level), profile)
    return scenarios_of(["drain"] if args.what == "drain" else args.names)


def scenarios_of(asked: Sequence[str]) -> list[Scenario]:
    """The scenarios that were asked for; `all` are those that do not run by name only."""
    every = [scenario.among_all() for scenario in SCENARIOS.values() if not scenario.by_name_only]
    return [scenario for each in asked for scenario in (every if each == "all" else [SCENARIOS[each]])]


async def run_all(args: argparse.Namespace, report: ConsoleReport) -> int:
    """Survey the target if it is not ours, then run scenarios on it one after another; return the exit code.

    A survey stops the target, so a target that something else has started is not surveyed: it might not come back.
    """
    end_on_sigterm()
    profile, ask = profile_of(args), ask_of(args)
    outcomes: list[Outcome] = []
    calm_stop: list[Scenario] = []
    for line in without_effect(args, profile):
        report.complain(line)
    try:
        if not profile.reference and not profile.url:
            found = await look_first(profile, ask, report)
            profile = found.profile
            if args.what == "judge":
                calm_stop = [SCENARIOS["nobody_there"]] if found.busy else []  # told again in its place
                outcomes += [] if found.busy else [found]
        for scenario in [*calm_stop, *scenarios_for(args, profile)]:
            report.begin(scenario.name, profile.title, ask.seed)
            again = partial(report.run_again, args.tellings)
            outcomes.append(await run(scenario, profile, ask, report.watch, args.tellings, again))
            report.show(outcomes[-1])
    finally:
        keep(outcomes, args)
    standing = standing_of(profile, [ruling for outcome in outcomes for ruling in outcome.rulings])
    report.conclude(standing, outcomes)
    return EXIT_CODES[with_claims(standing, outcomes)]


async def look_first(profile: Profile, ask: Ask, report: ConsoleReport) -> Outcome:
    """Survey the target and show what was found; its calm stop is the outcome of the scenario without clients.

    Raises CrowdIncomplete where the target objects to its clients.
    """
    report.begin("survey", profile.title, ask.seed)
    findings, stop = await survey(profile, ask)
    report.show_findings(findings)
    if findings.objection is not None:
        raise CrowdIncomplete(findings.objection)
    scenario = SCENARIOS["nobody_there"]
    rulings = judge(stop, scenario.clauses)
    return Outcome(scenario, findings.profile, ask, stop, rulings, findings.stop.status)


async def write_survey(args: argparse.Namespace, report: ConsoleReport) -> int:
    """Print what a survey found as a target file, and on stderr in words for people."""
    end_on_sigterm()
    found = await look_first(profile_of(args), ask_of(args), report)
    print(target_file.write(found.profile), end="")
    return PASSED


def end_on_sigterm() -> None:
    """Let SIGTERM cancel this task, and so end everything that it has started."""
    me = asyncio.current_task()
    assert me is not None, "a coroutine runs in a task"
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, me.cancel)


def keep(outcomes: Sequence[Outcome], args: argparse.Namespace) -> None:
    """Write the files that were asked for, about the scenarios that have ended."""
    if args.json and outcomes:
        json_report.write(args.json, outcomes)
    if args.junit and outcomes:
        junit.write(args.junit, outcomes)
    if args.history and outcomes:
        with args.history.open("w") as stream:
            for outcome in outcomes:
                for telling in outcome.tellings:
                    telling.history.dump(stream)


def show_list() -> int:
    """Print every scenario with its claim and the clauses that it judges, then every clause with level and claim."""
    lines = []
    for scenario in SCENARIOS.values():
        aside = " (by name only, not in `run all`)" if scenario.by_name_only else ""
        lines.append(f"{scenario.name}{aside}\n  {scenario.claim}\n  clauses {', '.join(map(str, scenario.clauses))}")
        lines += (f"  and {name}: {CLAIMS[name].claim}" for name in scenario.claims)
    lines.append("")
    lines += (f"{clause.id:>2}  {clause.name} ({clause.level})\n    {clause.claim}" for clause in CLAUSES.values())
    return show("\n".join(lines))


def show(text: str) -> int:
    """Print a text; a reader that closes the pipe early is no error."""
    try:
        print(text, flush=True)
    except BrokenPipeError:  # as with `| head`; the interpreter still flushes its buffer at its end
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PASSED


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop if it is installed: with it a thousand clients cost the harness half the CPU."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop
