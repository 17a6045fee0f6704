"""The documents are true: the picture is the transition table; no setting, close code, metric or clause is missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import metrics
from docs.board import commands
from docs.side_by_side import SERVERS, panel
from server.drain.events import Phase
from server.drain.machine import TRANSITIONS
from server.messages.close_codes import CloseCode
from server.settings import PREFIX, Settings
from tests.harness.histories import story

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


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
    assert diagram() in README, f"put this into README.md:\n{diagram()}"


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


def test_every_setting_is_documented_with_its_default():
    page = (ROOT / "docs" / "settings.md").read_text()
    for name, field in Settings.model_fields.items():
        row = f"| `{PREFIX}{name.upper()}` | `{field.default}` | {field.description} |"
        assert row in page, f"put this into docs/settings.md:\n{row}"


def test_every_close_code_is_documented():
    pages = "".join((ROOT / "docs" / page).read_text() for page in ("wire.md", "sessions.md"))
    for code in CloseCode:
        assert re.search(rf"^\| {code.value}\b", pages, re.M), f"docs/wire.md: no row for {code.value}"


def test_every_metric_is_documented():
    page = metrics.PAGE.read_text()
    assert page == metrics.drawn(page), "run `python -m docs.metrics`"
    assert page.count("| `ebb_") > 10


def test_every_file_that_the_readme_links_to_exists():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_the_contract_in_docs_names_every_clause_that_is_judged():
    from harness.clauses import CLAUSES

    contract = (ROOT / "docs" / "contract.md").read_text()
    for clause in CLAUSES.values():
        assert f"{clause.id}. **{clause.name}**" in contract


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
