"""The documents are true: the picture is the transition table; no setting, close code or clause is missing."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from docs.board import commands
from docs.side_by_side import SERVERS, panel
from harness.clauses import CLAUSES
from server.drain.events import Phase
from server.drain.machine import TRANSITIONS
from server.messages.close_codes import CloseCode
from server.settings import PREFIX, Settings
from tests.harness.histories import story

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
FIELDS = Settings.model_fields


def text(page: str) -> str:
    return (ROOT / "docs" / f"{page}.md").read_text()


def diagram() -> str:
    """Draw the transition table of `server/drain/machine.py` as a Mermaid state diagram."""
    arrows = [
        f"    {source.upper()} --> {target.upper()}: {trigger}"
        for source, row in TRANSITIONS.items()
        for trigger, target in row.items()
    ]
    first, last = Phase.SERVING.upper(), Phase.STOPPED.upper()
    return "\n".join(["stateDiagram-v2", f"    [*] --> {first}", *arrows, f"    {last} --> [*]"])


def test_the_picture_of_the_phases_is_drawn_from_the_transition_table():
    assert diagram() in text("drain"), f"put this into docs/drain.md:\n{diagram()}"


def test_the_picture_of_twenty_clients_has_a_panel_for_each_server():
    titles = re.compile("^" + " +".join(SERVERS) + "$", re.M)
    assert titles.search(README), "put what `python -m docs.side_by_side` prints into README.md"


def test_a_panel_has_a_line_for_each_client_those_that_stay_longest_first():
    run = story().client("leaver-1").gets_notice(0.2).leaves(0.6)
    run.client("lingerer-1").gets_notice(0.2).is_evicted(1.4)
    run.handshake("late-1", 0.5).refused(0.6)
    seen = run.signal().history().drain
    assert seen is not None

    assert panel("Ebb", seen) == ["Ebb", "  0    1", "  SIGTERM", "---!-----#", "---!-<"]


def settings_left_out(page: str) -> list[str]:
    rows = [f"| `{PREFIX}{name.upper()}` | `{each.default}` | {each.description} |" for name, each in FIELDS.items()]
    return [row for row in rows if row not in page]


def close_codes_left_out(page: str) -> list[str]:
    return [str(code.value) for code in CloseCode if not re.search(rf"^\| {code.value}\b", page, re.M)]


def clauses_left_out(page: str) -> list[str]:
    names = [f"{clause.id}. **{clause.name}**" for clause in CLAUSES.values()]
    return [name for name in names if name not in page]


def test_every_setting_is_documented_with_its_default():
    assert settings_left_out(text("settings")) == [], "put this into docs/settings.md"


def test_every_close_code_is_documented():
    assert close_codes_left_out(text("wire") + text("sessions")) == [], "put a row into docs/wire.md"


def test_the_contract_in_docs_names_every_clause_that_is_judged():
    assert clauses_left_out(text("contract")) == []


@pytest.mark.parametrize(
    ("left_out", "page", "old", "new", "named"),
    [
        (settings_left_out, "settings", "`1800`", "`60`", "SERVER_DRAIN_TIMEOUT_S"),
        (settings_left_out, "settings", "`SERVER_OUTBOX_BYTES`", "`SERVER_OUTBOX`", "SERVER_OUTBOX_BYTES"),
        (close_codes_left_out, "wire", "| 1012 ", "| 1011 ", "1012"),
        (clauses_left_out, "contract", "**no-cliff**", "**no-burst**", "15. **no-cliff**"),
    ],
)
def test_what_a_page_contradicts_or_leaves_out_is_named(
    left_out: Callable[[str], list[str]], page: str, old: str, new: str, named: str
):
    changed = text(page).replace(old, new)
    assert changed != text(page)
    assert any(named in each for each in left_out(changed)), left_out(changed)


def test_every_page_is_in_the_index_and_in_the_navigation_of_the_site():
    navigation = (ROOT / "mkdocs.yml").read_text()
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "index.md" or f"]({page.name})" in text("index"), f"docs/index.md: no link to {page.name}"
        assert f" {page.name}\n" in navigation, f"mkdocs.yml: {page.name} is not in nav"


def test_every_file_that_the_readme_links_to_exists():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target


@pytest.mark.parametrize(("walk", "most"), [("A text", 10), ("A stop", 9), ("A verdict", 11)])
def test_a_walk_through_the_code_names_files_that_exist_and_stays_short(walk: str, most: int):
    page = (ROOT / "docs" / "architecture.md").read_text()
    (section,) = re.findall(rf"^### {walk}, .*?\n(.*?)(?=^###|\Z)", page, re.DOTALL | re.MULTILINE)
    files = re.findall(r"^\d+\. `([^`]+)`:", section, re.MULTILINE)
    assert 1 < len(files) <= most
    assert [file for file in files if not (ROOT / file).is_file()] == []


def test_the_page_of_other_servers_has_the_command_that_knows_what_each_fails():
    page = (ROOT / "docs" / "servers-of-others.md").read_text()
    assert commands() in page, f"put this into docs/servers-of-others.md:\n{commands()}"
