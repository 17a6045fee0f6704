"""Whatever a page of the documents names between backticks exists: no test, setting, metric or file that has gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.references import ROOT, missing

OTHERS = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "clients/typescript/README.md", "tests/specimens/README.md")
PAGES = [*sorted((ROOT / "docs").glob("*.md")), *(ROOT / other for other in OTHERS)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_whatever_a_page_names_exists(page: Path):
    assert missing(page.read_text()) == set()


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("see `server/gone.py`", "server/gone.py"),
        ("see `GONE.md`", "GONE.md"),
        ("see `deploy/gone/`", "deploy/gone/"),
        ("`test_that_never_was`", "test_that_never_was"),
        ("`SERVER_GONE_S`", "SERVER_GONE_S"),
        ("`SERVER_GONE_S=1`", "SERVER_GONE_S=1"),
        ("`ebb_gone_total`", "ebb_gone_total"),
        ("`POST /gone`", "POST /gone"),
        ("`python -m harness run drain gone`", "python -m harness run drain gone"),
        ("clauses 1, 3 and 99", "clause 99"),
    ],
)
@pytest.mark.parametrize("page", ["docs/wire.md", "docs/metrics.md", "docs/origins.md", "README.md"])
def test_what_is_not_there_is_found_and_named(page: str, line: str, what: str):
    assert missing((ROOT / page).read_text() + f"\n{line}\n") == {what}
