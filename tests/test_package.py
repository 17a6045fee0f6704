"""What is installed: one package `ebb`, with everything in it that the tree has, and nothing else at the top."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.metadata import distribution, requires
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SETUPTOOLS = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
HOMES = {"ebb": "packaging/ebb", "ebb.server": "server", "ebb.harness": "harness", "ebb.client": "clients/python"}

OF_PYDANTIC = {"annotated_types", "dotenv", "pydantic_core", "typing_extensions", "typing_inspection"}


def packages_in_the_tree() -> set[str]:
    return {
        ".".join([name, *init.parent.relative_to(ROOT / home).parts])
        for name, home in HOMES.items()
        for init in (ROOT / home).rglob("__init__.py")
    }


def test_every_package_of_the_tree_is_declared():
    assert SETUPTOOLS["package-dir"] == HOMES
    assert set(SETUPTOOLS["packages"]) == packages_in_the_tree()


def test_every_file_that_is_no_module_is_declared():
    for name, home in HOMES.items():
        for path in (ROOT / home).rglob("*"):
            if path.is_file() and path.suffix not in (".py", ".pyc"):
                assert any(fits(path, pattern) for pattern in patterns(name, home)), path


def patterns(name: str, home: str) -> Iterator[Path]:
    """Paths of what is no module, as setuptools is told of them: each relative to its package."""
    for package, declared in SETUPTOOLS["package-data"].items():
        if package == name or package.startswith(f"{name}."):
            folder = (ROOT / home).joinpath(*package.removeprefix(name).split("."))
            yield from (folder / each for each in declared)


def fits(path: Path, pattern: Path) -> bool:
    return path.parent == pattern.parent and fnmatch(path.name, pattern.name)


def test_nothing_but_ebb_is_put_among_everybodys_packages():
    assert (distribution("ebb-ws").read_text("top_level.txt") or "").split() == ["ebb"]


def run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=60, check=False)


@pytest.mark.parametrize("name", ["create_app", "DrainMiddleware", "Settings", "Publisher"])
def test_what_ebb_exports_can_be_imported_from_it(name: str, tmp_path: Path):
    done = run(sys.executable, "-W", "error", "-c", f"from ebb import {name}; assert {name}", folder=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")


def test_importing_ebb_imports_nothing_else_of_it(tmp_path: Path):
    code = "import sys, ebb; print([name for name in sys.modules if name.startswith('ebb.')], ebb.__version__)"
    assert run(sys.executable, "-c", code, folder=tmp_path).stdout.startswith("[] ")


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ([], 0, "ebb COMMAND --help shows the options of each."),
        (["--version"], 0, distribution("ebb-ws").version),
        (["judged"], 2, "ebb: there is no command 'judged' (--help shows what there is)"),
        (["drain", "--clients", "0"], 2, "ebb drain: argument --clients: '0' is not a number of clients, 1 or more"),
        (["client", "listen", "x"], 2, "ebb client: 'x' is not a URL like ws://127.0.0.1:8000"),
        (["serve", "--port", "x"], 2, "ebb serve: argument --port: x is not allowed: 0 to 65535"),
    ],
    ids=["nothing", "version", "unknown command", "of the harness", "of the client", "of the server"],
)
def test_the_command_ebb_says_what_there_is(words: list[str], status: int, said: str, tmp_path: Path):
    done = run(str(Path(sys.executable).with_name("ebb")), *words, folder=tmp_path)
    assert (done.returncode, said in done.stdout + done.stderr) == (status, True), done.stdout + done.stderr


@pytest.mark.parametrize(("command", "extra"), [("list", "harness"), ("client", "client")])
def test_without_its_extra_a_command_names_what_to_install(command: str, extra: str, tmp_path: Path):
    code = f"import sys; sys.modules['websockets'] = None; from ebb.cli import main; sys.exit(main(['{command}']))"
    done = run(sys.executable, "-c", code, folder=tmp_path)
    assert (done.returncode, done.stderr) == (2, f"ebb: {command} needs websockets: pip install 'ebb-ws[{extra}]'\n")


def test_the_middleware_imports_nothing_but_what_is_installed_with_it(tmp_path: Path):
    code = "from ebb import DrainMiddleware; import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = run(sys.executable, "-c", code, folder=tmp_path)
    ours = {name for name in done.stdout.split() if not name.startswith("_")} - set(sys.stdlib_module_names) - {"ebb"}
    needed = {re.split("[<>=]", each)[0].replace("-", "_") for each in requires("ebb-ws") or () if "extra" not in each}
    assert needed <= ours <= needed | OF_PYDANTIC
