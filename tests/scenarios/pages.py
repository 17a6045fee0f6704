"""Follows a page of the documents word for word, as a reader does: what it says is what happens.

In a page the comment before a block of `sh` says how it is meant: `exit 1` that the commands end with this status (else
0), `in NAME` that they run in a terminal of that name and are not waited for, `yours` that they are the reader's own.
Before any other block the name of a file says that the block is that file. A block of `text` is what was printed by the
commands before it; numbers may be others, and `...` stands for what is left out. Two comments stand by themselves:
`Ctrl+C in NAME`, and `NAME ends: STATUS`, which waits for that.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from harness.probes.network import free_port

ROOT = Path(__file__).parent.parent.parent
STEP = re.compile(
    r"^<!-- (?P<alone>Ctrl\+C in \w+|\w+ ends: \d+) -->$"
    r"|^(?:<!-- (?P<about>[^\n]+) -->\n)?```(?P<kind>\w+)\n(?P<body>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)
OF_A_CLONE = ("pyproject.toml", "README.md", "harness", "server", "clients", "packaging")
PATIENCE_S = 60.0
COMMAND_WITHIN_S = 300.0


def clone(folder: Path) -> Path:
    """A copy of what pip installs: it builds where the source is, and here that is to stay as it is."""
    folder.mkdir()
    for name in OF_A_CLONE:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("node_modules"))
        else:
            shutil.copy(ROOT / name, folder / name)
    return folder


def masked(line: str) -> str:
    """Without its numbers, and the spaces that go with them."""
    return re.sub(r"\s+", " ", re.sub(r"\d+(\.\d+)?", "N", line)).strip()


def missing_from(printed: str, shown: str) -> list[str]:
    """The lines that are shown and were not printed, in this order; one that ends with `...` was longer."""
    left = iter([masked(line) for line in printed.splitlines()])
    wanted = [line for line in shown.splitlines() if line.strip() not in ("", "...")]
    return [line for line in wanted if not any(is_shown_as(line, each) for each in left)]


def is_shown_as(shown: str, printed: str) -> bool:
    begins = shown.removesuffix("...")
    return printed.startswith(masked(begins)) if begins != shown else printed == masked(shown)


class Terminal:
    """One in which something goes on."""

    def __init__(self, command: str, folder: Path, environment: Mapping[str, str], output: Path) -> None:
        self._output = output
        with output.open("wb") as into:
            self.process = subprocess.Popen(
                ["bash", "-c", command],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=into,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def printed(self) -> str:
        return self._output.read_text()

    def interrupt(self) -> None:
        os.killpg(self.process.pid, signal.SIGINT)

    def end(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Reader:
    """Does in `folder` what a page says. Its ports are taken for free ones: `ports` are those that it names."""

    def __init__(self, folder: Path, ports: tuple[str, ...] = (), **environment: str) -> None:
        self._folder = folder
        self._environment = {**os.environ, "PYTHONUNBUFFERED": "1", **environment}
        self._ports = {port: str(free_port()) for port in ports}
        self._terminals: dict[str, Terminal] = {}
        self._last: Callable[[], str] = str
        self.statuses: list[int] = []

    def follow(self, page: str) -> None:
        """Do everything that it says. Fails where something else happens than it says."""
        for own, free in self._ports.items():
            page = re.sub(rf"\b{own}\b", free, page)
        with self._ended():
            for step in STEP.finditer(page):
                if step["alone"]:
                    self._wait_or_interrupt(step["alone"])
                elif step["kind"] == "sh":
                    self._type(step["about"] or "", step["body"])
                elif step["kind"] == "text":
                    self._await_shown(step["body"])
                elif step["about"]:
                    (self._folder / step["about"]).write_text(step["body"])

    def _type(self, about: str, commands: str) -> None:
        if about == "yours":
            return
        if about.startswith("in "):
            name = about.removeprefix("in ")
            output = self._folder / f".{name}"
            self._terminals[name] = terminal = Terminal(commands, self._folder, self._environment, output)
            self._last = lambda: terminal.printed
            return
        run = subprocess.run(
            ["bash", "-c", commands],
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=COMMAND_WITHIN_S,
        )
        printed = run.stdout + run.stderr
        expected = int(about.removeprefix("exit ")) if about.startswith("exit ") else 0
        assert run.returncode == expected, f"{commands}{printed}"
        self._last = lambda: printed
        self.statuses.append(run.returncode)

    def _wait_or_interrupt(self, said: str) -> None:
        ctrl_c, name, status = re.fullmatch(r"(Ctrl\+C in )?(\w+)(?: ends: (\d+))?", said).groups()
        terminal = self._terminals[name]
        self._last = lambda: terminal.printed
        if ctrl_c:
            terminal.interrupt()
        else:
            assert terminal.process.wait(PATIENCE_S) == int(status), terminal.printed
            self.statuses.append(int(status))

    def _await_shown(self, shown: str) -> None:
        until = time.monotonic() + (PATIENCE_S if self._terminals else 0)
        while missing := missing_from(self._last(), shown):
            assert time.monotonic() < until, f"{missing} not in:\n{self._last()}"
            time.sleep(0.05)

    @contextmanager
    def _ended(self) -> Iterator[None]:
        try:
            yield
        finally:
            for terminal in self._terminals.values():
                terminal.end()
