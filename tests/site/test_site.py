"""The documents are a site that can be built, that loads nothing from elsewhere, and in which no link is dead.

`tox -e docs` has MkDocs and runs this; the other environments do not.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
LOADED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "src", "object": "data"}
OTHER_SITES = ("http:", "https:", "//")


def build(folder: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--site-dir", str(site)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=50)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = build(ROOT, folder)
    assert built.returncode == 0, built.stderr
    return folder


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the site is made of, to be broken; the rest of the repository is that of this checkout."""
    for each in ROOT.iterdir():
        if each.name == "docs":
            shutil.copytree(each, tmp_path / each.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif each.suffix in (".md", ".yml"):
            shutil.copy(each, tmp_path)
        elif not each.name.startswith("."):
            (tmp_path / each.name).symlink_to(each)
    return tmp_path


class Loads(HTMLParser):
    """What a browser loads for a page by itself."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if address := dict(attrs).get(LOADED.get(tag, "")):
            self.found.append(address)


def test_nothing_is_loaded_from_another_site(site: Path):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 15
    for page in pages:
        loaded = Loads(page).found
        assert loaded, page
        assert [address for address in loaded if address.startswith(OTHER_SITES)] == [], page
    for sheet in site.rglob("*.css"):
        assert re.findall(r"(?:url\(|@import )[\"']?(?:https?:)?//[^)]*", sheet.read_text()) == [], sheet


def test_a_page_with_a_diagram_loads_what_draws_it_before_the_theme_looks_for_it(site: Path):
    page = site / "architecture.html"
    scripts = [address for address in Loads(page).found if address.endswith(".js")]
    assert scripts[0] == "assets/mermaid.js"
    assert (site / scripts[0]).stat().st_size > 1_000_000
    assert "mermaid.js" not in (site / "settings.html").read_text()


@pytest.mark.parametrize(
    ("page", "link", "complaint"),
    [
        ("docs/wire.md", "[x](gone.md)", "'gone.md'"),
        ("docs/wire.md", "[x](../server/gone.py)", "'../server/gone.py'"),
        ("docs/wire.md", "[x](#gone)", "'#gone'"),
        ("docs/wire.md", "[x](metrics.md#gone)", "'metrics.md#gone'"),
        ("README.md", "[x](docs/gone.md)", "'docs/gone.md'"),
        ("README.md", "[x](docs/wire.md#gone)", "'../wire.md#gone'"),
        ("CONTRIBUTING.md", "[x](server/gone)", "'server/gone'"),
    ],
)
def test_a_dead_link_fails_the_build_and_is_named(checkout: Path, page: str, link: str, complaint: str):
    with (checkout / page).open("a") as text:
        text.write(f"\n{link}\n")

    built = build(checkout, checkout / "site")

    assert built.returncode != 0
    (line,) = [line for line in built.stderr.splitlines() if line.startswith("WARNING")]
    assert complaint in line


def test_a_page_that_the_navigation_leaves_out_fails_the_build(checkout: Path):
    (checkout / "docs" / "new.md").write_text("# New\n")

    built = build(checkout, checkout / "site")

    assert built.returncode != 0
    assert "new.md" in built.stderr


def test_source_code_is_named_and_not_linked(site: Path):
    page = (site / "production.html").read_text()
    assert "deploy/ebb.env" in page
    assert 'href="../deploy' not in page


def test_every_page_is_on_the_first_one(site: Path):
    linked = re.findall(r'href="([^"#:]+\.html)', (site / "index.html").read_text().split("<article")[1])
    pages = {str(page.relative_to(site)) for page in site.rglob("*.html")}
    assert set(linked) == pages - {"404.html", "index.html"}
