"""Who may import whom: the arrows of the design, held by a test."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PURE = {"asyncio", "socket", "time", "logging", "threading", "subprocess", "select", "signal", "random", "datetime"}


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imports(path: Path) -> Iterator[str]:
    for source, names in re.findall(r"^\s*(?:from ([\w.]+) import|import ([\w., ]+))", path.read_text(), re.MULTILINE):
        yield from [source] if source else [name.strip().split(" ")[0] for name in names.split(",")]


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", modules("server/core"), ids=name)
def test_the_core_imports_the_standard_library_pydantic_and_itself(path: Path):
    assert roots(path) <= set(sys.stdlib_module_names) | {"pydantic", "server"}
    assert all(module.startswith("server.core") for module in imports(path) if module.startswith("server"))


@pytest.mark.parametrize("path", modules("server/core"), ids=name)
def test_the_core_does_no_io_and_asks_no_clock(path: Path):
    words = path.stem in ("wire", "session_wire", "message")  # they name the type of a field, and never ask it
    allowed = {"datetime"} if words else set()
    assert roots(path) & (PURE - allowed) == set()
    assert ".now(" not in path.read_text()


@pytest.mark.parametrize("path", modules("server/brokers"), ids=name)
def test_brokers_import_the_core_and_each_other_only(path: Path):
    ours = [module for module in imports(path) if module.startswith("server")]
    assert all(module.startswith(("server.core", "server.brokers")) for module in ours)


@pytest.mark.parametrize("path", modules("server"), ids=name)
def test_the_server_never_imports_the_harness(path: Path):
    assert "harness" not in roots(path)


@pytest.mark.parametrize("path", modules("harness"), ids=name)
def test_the_harness_never_imports_the_server(path: Path):
    assert "server" not in roots(path)


@pytest.mark.parametrize(
    "path",
    [
        *modules("harness/clauses"),
        *(ROOT / "harness" / f"{n}.py" for n in ("history", "views", "resume_view", "stream_view")),
    ],
    ids=name,
)
def test_judges_and_history_do_no_io(path: Path):
    assert roots(path) & PURE == set()
    assert roots(path) <= set(sys.stdlib_module_names) | {"harness"}
