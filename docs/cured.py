"""What `DrainMiddleware` changes, framework by framework: the examples and the table of docs/cure.md.

    python -m docs.cured              # judges each framework before and after the line: five minutes, two cores
    python -m docs.cured NiceGUI      # only this one, to look at
    python -m docs.cured --examples   # only the code, at once

Owns how an application is judged without the line and with it, and how both come onto the page. The applications are
the files in `tests/targets/cured`, as they are tested; the table is what was measured, and when.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import tomli_w

from harness.clauses import CLAUSES

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "cure.md"
FOLDER = ROOT / "tests" / "targets" / "cured"
FRAMEWORKS: dict[str, dict[str, Any]] = tomllib.loads((FOLDER / "frameworks.toml").read_text())

LINE = "DrainMiddleware"
IMPORT_HERE, IMPORT_INSTALLED = "from server.middleware.drain_middleware import", "from ebb import"
CLIENTS, TIMEOUT_S = 60, 2
# Each client that talks says so many texts a second, so that no framework is too slow for them on a busy machine; and
# the moments are the same each time.
CALM = ("--say-per-s", "3", "--seed", "7")
LONGEST_RUN_S = 240
SIGNS = {"pass": "✓", "fail": "✗", "unknown": "?", "excluded": "-"}

# What an application promises that has the line, as a target declares it.
PROMISES: dict[str, Any] = {
    "paths": {"ready": "/ready", "health": "/health", "metrics": "none", "broadcast": "none"},
    "close_codes": [1012],
    "drain_timeout_env": "EBB_DRAIN_TIMEOUT_S",
    "pace_env": "EBB_EVICT_PER_S",
    "close_timeout_env": "EBB_CLOSE_TIMEOUT_S",
    "window_env": "EBB_RECONNECT_WINDOW_S",
    "progress_env": "EBB_PROGRESS_INTERVAL_S",
    "progress_interval_s": 1.0,
    "report": True,
}

Verdicts = dict[int, str]


def target(name: str, cured: bool, folder: Path) -> Path:
    """Write the target file of a framework into a folder: with the line, or without it and without its promises."""
    declared = FRAMEWORKS[name]
    runs_in = FOLDER
    if not cured:
        runs_in = folder
        (folder / declared["file"]).write_text(without_the_line((FOLDER / declared["file"]).read_text()))
    keys = {key: declared[key] for key in ("command", "talk") if key in declared}
    keys |= {"cwd": str(runs_in), "env": {"PYTHONPATH": str(ROOT)}, **(PROMISES if cured else {})}
    path = folder / "target.toml"
    path.write_text(tomli_w.dumps(keys))
    return path


def without_the_line(source: str) -> str:
    """An application as it was before."""
    return "".join(line for line in source.splitlines(keepends=True) if LINE not in line)


def judged(name: str, cured: bool, clients: int, timeout_s: float) -> list[dict[str, Any]]:
    """The verdict on each clause that a `drain` looks at, as in `--json`. Exits with what was printed if none is."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        options = ["--clients", str(clients), "--timeout", str(timeout_s), *CALM, "--json", str(report)]
        printed = run_harness("drain", *options, "--target", str(target(name, cured, Path(folder))))
        if not report.exists():
            sys.exit(f"{name}: no verdict\n{printed}")
        clauses: list[dict[str, Any]] = json.loads(report.read_text())["clauses"]
        return clauses


def run_harness(*arguments: str) -> str:
    """What the harness prints. Ctrl+C reaches it once, and it is waited for: it ends what it has started."""
    command = [sys.executable, "-m", "harness", *arguments]
    streams: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=ROOT, start_new_session=True, **streams) as harness:
        try:
            return harness.communicate(timeout=LONGEST_RUN_S)[0]
        except (KeyboardInterrupt, subprocess.TimeoutExpired):
            harness.send_signal(signal.SIGINT)
            harness.communicate()
            raise


def measured(names: Sequence[str], clients: int, timeout_s: float) -> dict[str, tuple[Verdicts, Verdicts]]:
    """The verdicts on each framework before and after, one run at a time; says how far it is, and what still fails."""
    found: dict[tuple[str, bool], Verdicts] = {}
    runs = [(name, cured) for name in names for cured in (False, True)]
    for number, (name, cured) in enumerate(runs, start=1):
        began = time.monotonic()
        print(
            f"{number} of {len(runs)}: {name}, {'after' if cured else 'before'} ...",
            end=" ",
            file=sys.stderr,
            flush=True,
        )
        clauses = judged(name, cured, clients, timeout_s)
        found[name, cured] = {clause["id"]: clause["verdict"] for clause in clauses}
        counts = ", ".join(
            f"{count} {verdict}" for verdict, count in Counter(found[name, cured].values()).most_common()
        )
        print(f"{counts} ({time.monotonic() - began:.0f} s)", file=sys.stderr)
        for clause in clauses if cured else ():
            if clause["verdict"] == "fail":
                print(f"  {clause['id']} {clause['name']}: {clause['evidence']}", file=sys.stderr)
    return {name: (found[name, False], found[name, True]) for name in names}


def table(found: dict[str, tuple[Verdicts, Verdicts]], clients: int, timeout_s: float) -> str:
    """One row for each clause that was judged anywhere; a cell says before → after."""
    rows = [f"| clause | {' | '.join(found)} |", f"|{'---|' * (len(found) + 1)}"]
    for number in sorted(set().union(*(after for _, after in found.values()))):
        cells = [(before.get(number, "excluded"), after.get(number, "excluded")) for before, after in found.values()]
        if any(verdict != "excluded" for cell in cells for verdict in cell):
            shown = " | ".join(f"{SIGNS[before]} → {SIGNS[after]}" for before, after in cells)
            rows.append(f"| {number} {CLAUSES[number].name} | {shown} |")
    packages = [FRAMEWORKS[name]["package"] for name in found]
    versions = ", ".join(f"{package} {version(package)}" for package in (*packages, "uvicorn"))
    python = ".".join(map(str, sys.version_info[:3]))
    how = f"`python -m docs.cured`, {clients} clients, drain timeout {timeout_s:g} s"
    return "\n".join([*rows, "", f"Measured on {date.today()}: {how}; {versions}, Python {python}.", ""])


def undecided() -> str:
    """What cannot be judged, and why."""
    return "".join(
        f"- {name}, {number}: {why}.\n"
        for name, declared in FRAMEWORKS.items()
        for number, why in declared.get("undecided", {}).items()
    )


def example(file: str) -> str:
    """The code of a tested application as somebody writes it who has installed the package."""
    source = (FOLDER / file).read_text()
    tree = ast.parse(source)
    first = next(node for node in tree.body[1:] if getattr(node, "module", None) != "__future__")
    code = "".join(source.splitlines(keepends=True)[first.lineno - 1 :]).replace(IMPORT_HERE, IMPORT_INSTALLED)
    return f"{ast.get_docstring(tree)}\n\n```python\n{code}```\n"


def with_block(page: str, name: str, text: str) -> str:
    """The page with one block replaced, between `<!-- name -->` and `<!-- end -->`."""
    block = rf"(?<=<!-- {re.escape(name)} -->\n).*?(?=<!-- end -->)"
    return re.sub(block, lambda _: text, page, count=1, flags=re.DOTALL)


def with_examples(page: str) -> str:
    """The page with all code, and what cannot be judged, as it is today."""
    for declared in FRAMEWORKS.values():
        page = with_block(page, declared["file"], example(declared["file"]))
    return with_block(page, "undecided", undecided())


def main() -> None:
    """Measure what is asked for, and write it onto the page or print it."""
    parser = argparse.ArgumentParser(prog="python -m docs.cured", description="What one line changes: docs/cure.md.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"only these, printed: {', '.join(FRAMEWORKS)}")
    parser.add_argument("--examples", action="store_true", help="only the code on the page; nothing is measured")
    parser.add_argument("--clients", type=int, default=CLIENTS, help="how many (default %(default)s)")
    parser.add_argument(
        "--timeout", type=float, default=TIMEOUT_S, metavar="S", help="drain timeout (default %(default)s)"
    )
    args = parser.parse_args()
    if unknown := set(args.names) - set(FRAMEWORKS):
        parser.error(f"{', '.join(sorted(unknown))}: choose from {', '.join(FRAMEWORKS)}")
    page = with_examples(PAGE.read_text())
    if not args.examples:
        try:
            found = measured(args.names or list(FRAMEWORKS), args.clients, args.timeout)
        except KeyboardInterrupt:
            print("\nstopped: the page is as it was", file=sys.stderr)
            sys.exit(130)
        drawn = table(found, args.clients, args.timeout)
        if args.names:
            print(drawn, end="")
            return
        page = with_block(page, "frameworks", drawn)
    PAGE.write_text(page)


if __name__ == "__main__":
    main()
