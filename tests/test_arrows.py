"""Who may import whom: the arrows of the design, and what is pure, held by a test."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from docs.rooms import IMPORTS, PACKAGES, PATHS, ROOT, name_of, package_of

# No asyncio, no socket, no clock, no logging: time is an argument. A room is pure with everything in it.
PURE = (
    "server.access.credentials",
    "server.access.identity",
    "server.access.origins",
    "server.drain.machine",
    "server.drain.events",
    "server.durations",
    "server.limits.addresses",
    "server.limits.elsewhere",
    "server.limits.rate",
    "server.limits.share",
    "server.messages",
    "server.middleware.event_stream",
    "server.protocol.frames",
    "server.protocol.alike",
    "server.protocol.handshake",
    "server.rooms",
    "server.sessions.model",
    "server.workers.orders",
    "harness.history",
    "harness.clauses",
    "harness.clients.frame_rules",
    "harness.targets.declaration",
    "harness.targets.findings",
    "harness.targets.form",
    "harness.targets.talk",
    "harness.targets.values",
    "harness.clients.dialects",
    "harness.clients.objections",
    "harness.clients.declared_dialect",
    "harness.clients.event_stream",
    "clients.python.attempts",
    "clients.python.events",
    "clients.python.machine",
    "clients.python.position",
    "clients.python.terminal.figures",
    "clients.python.wire",
)
IMPURE = {"asyncio", "socket", "time", "logging", "threading", "subprocess", "select", "signal", "random", "os"}
CLOCKS = {"now", "utcnow", "today", "monotonic", "perf_counter"}
MOST_AT_THE_TOP = 6
# Parsed before any test has run: CPython 3.11 fails if the loop of a former test is collected meanwhile, whose warning
# parses something as well ("AST constructor recursion depth mismatch").
TREES = {module: ast.parse(path.read_text()) for module, path in PATHS.items()}


def is_within(module: str, rooms: tuple[str, ...]) -> bool:
    return any(module == room or module.startswith(f"{room}.") for room in rooms)


PURE_MODULES = [module for module in PATHS if is_within(module, PURE)]


def test_every_room_that_is_declared_pure_exists_and_is_covered_to_the_last_branch():
    assert [room for room in PURE if room not in PATHS] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = project["tool"]["coverage"]["report"]["include"]
    assert {path.removesuffix(".py").removesuffix("/*").replace("/", ".") for path in included} == set(PURE)


@pytest.mark.parametrize("module", PURE_MODULES)
def test_what_is_pure_imports_what_is_pure_the_standard_library_and_pydantic(module: str):
    ours = {each for each in IMPORTS[module] if each in PATHS}
    assert {each for each in ours if not is_within(each, PURE)} == set()
    roots = {each.partition(".")[0] for each in IMPORTS[module] - ours}
    assert roots <= set(sys.stdlib_module_names) | {"pydantic", "pydantic_core"}
    assert roots & IMPURE == set()


@pytest.mark.parametrize("module", PURE_MODULES)
def test_what_is_pure_asks_no_clock(module: str):
    asked = [
        node.func.attr
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCKS
    ]
    assert asked == []


@pytest.mark.parametrize("module", [module for module in PATHS if is_within(module, ("server.brokers",))])
def test_brokers_know_messages_and_each_other_only(module: str):
    ours = {each for each in IMPORTS[module] if each in PATHS}
    assert {each for each in ours if not is_within(each, ("server.brokers", "server.messages"))} == set()


@pytest.mark.parametrize("module", PATHS)
def test_server_harness_and_client_never_import_each_other_and_name_their_own_by_relative_imports(module: str):
    own = package_of(module)
    others = tuple({*PACKAGES, "tests", "ebb"} - {own})
    assert {each for each in IMPORTS[module] if is_within(each, others)} == set()
    absolute = [
        node.module
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.ImportFrom) and not node.level and is_within(node.module or "", (own,))
    ]
    assert absolute == []


def circles() -> list[list[str]]:
    """Every circle of imports that a walk along the arrows finds, each once."""
    found: list[list[str]] = []
    done: set[str] = set()

    def walk(module: str, way: list[str]) -> None:
        if module in way:
            found.append([*way[way.index(module) :], module])
        elif module not in done:
            for following in sorted(IMPORTS[module] & PATHS.keys()):
                walk(following, [*way, module])
            done.add(module)

    for module in PATHS:
        walk(module, [])
    return found


def test_no_arrows_go_in_a_circle():
    assert circles() == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_class_name_stands_for_one_thing_in_a_package(package: str):
    names = Counter(
        node.name
        for module in PATHS
        if is_within(module, (package,))
        for node in ast.walk(TREES[module])
        if isinstance(node, ast.ClassDef)
    )
    assert {name: count for name, count in names.items() if count > 1} == {}


def test_the_top_of_the_harness_stays_small():
    assert len(list((ROOT / "harness").glob("*.py"))) <= MOST_AT_THE_TOP


@pytest.mark.parametrize("folder", sorted({path.parent for path in PATHS.values()}), ids=name_of)
def test_every_room_opens_with_what_it_owns(folder: Path):
    assert ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))
