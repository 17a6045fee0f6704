"""`ebb schema`: one command for the schemas of both halves, put together as the wheel puts them together."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_package import HOMES, ROOT


@pytest.fixture
def ebb(tmp_path: Path):
    """Run `ebb` of this tree; the installed one may be older."""
    package = tmp_path / "ebb"
    package.mkdir()
    for file in (ROOT / HOMES["ebb"]).iterdir():
        (package / file.name).symlink_to(file)
    for half in ("server", "harness"):
        (package / half).symlink_to(ROOT / HOMES[f"ebb.{half}"])

    def run(*words: str, before: str = "pass") -> tuple[int, str, str]:
        code = f"import sys; {before}; from ebb.cli import main; sys.exit(main({list(words)!r}))"
        command = (sys.executable, "-c", code)
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False, env={"PYTHONPATH": "."}
        )
        return done.returncode, done.stdout, done.stderr

    return run


@pytest.mark.parametrize(
    ("words", "title"),
    [
        ((), "A target of Ebb"),
        (("target",), "A target of Ebb"),
        (("messages",), "EbbServerMessage"),
        (("openapi",), "Ebb"),
    ],
)
def test_a_schema_is_printed_that_of_target_files_where_none_is_named(ebb, words: tuple[str, ...], title: str):
    status, printed, complaint = ebb("schema", *words)
    assert (status, complaint) == (0, "")
    assert f'"title": "{title}"' in printed


def test_an_unknown_schema_is_named_with_those_that_there_are(ebb):
    complaint = "ebb: there is no schema 'wire': there are target, messages, asyncapi, typescript, openapi\n"
    assert ebb("schema", "wire") == (2, "", complaint)


@pytest.mark.parametrize(
    ("which", "library", "extra"), [("messages", "fastapi", "server"), ("target", "h11", "harness")]
)
def test_without_its_half_a_schema_names_what_to_install(ebb, which: str, library: str, extra: str):
    complaint = f"ebb: schema needs {library}: pip install 'ebb-ws[{extra}]'\n"
    assert ebb("schema", which, before=f"sys.modules[{library!r}] = None") == (2, "", complaint)
