"""Draws the rooms of each package and the arrows between them, from the imports: `python -m docs.rooms`.

Owns how imports are read (by syntax, wherever in a module), and the picture in `docs/architecture.md`, which the
command writes anew and a test compares. A room is a folder, or a module that stands beside the folders; an arrow means
that something in one room imports something in another.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "architecture.md"
PACKAGES = ("server", "harness", "clients.python")
ENTRIES = "entry"  # what stands at the top and only puts the rooms together
PUT_TOGETHER = {
    "server": ("", "__main__", "app", "main", "launcher"),
    "harness": ("", "__main__", "cli", "options", "run"),
    "clients.python": ("", "__main__"),
}


def name_of(path: Path) -> str:
    """The name by which a module is imported in a checkout: `server.drain.machine`, `server.drain` for its folder."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FOLDERS = [ROOT.joinpath(*package.split(".")) for package in PACKAGES]
PATHS = {name_of(path): path for folder in FOLDERS for path in sorted(folder.rglob("*.py"))}


def imports(module: str) -> Iterator[str]:
    """Yield every module that one imports, by its full name, whether it is ours or not."""
    path = PATHS[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = package.split(".")
                base = ".".join([*parents[: len(parents) - node.level + 1], *([base] if base else [])])
            for alias in node.names:
                yield f"{base}.{alias.name}" if f"{base}.{alias.name}" in PATHS else base


IMPORTS = {module: set(imports(module)) for module in PATHS}


def package_of(module: str) -> str:
    """The package that a module is in."""
    return next(package for package in PACKAGES if f"{module}.".startswith(f"{package}."))


def room_of(module: str) -> str:
    """The room that a module is in, within its package."""
    package = package_of(module)
    room = module.removeprefix(package).removeprefix(".").partition(".")[0]
    return ENTRIES if room in PUT_TOGETHER[package] else room


def arrows(package: str) -> list[tuple[str, str]]:
    """Which room of a package imports which, each pair once, in order."""
    found = {
        (room_of(module), room_of(other))
        for module in PATHS
        for other in IMPORTS[module]
        if package_of(module) == package and other in PATHS
    }
    return sorted((one, other) for one, other in found if one != other)


def picture(package: str) -> str:
    """One package as a Mermaid flowchart."""
    lines = [f"    {one} --> {other}" for one, other in arrows(package)]
    return "\n".join(["```mermaid", "flowchart LR", *lines, "```", ""])


def drawn(page: str) -> str:
    """The page with its pictures as they are today."""
    for package in PACKAGES:
        block = rf"(?<=<!-- rooms: {package} -->\n).*?(?=<!-- end -->)"
        page = re.sub(block, lambda _, package=package: picture(package), page, count=1, flags=re.DOTALL)
    return page


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text()))
