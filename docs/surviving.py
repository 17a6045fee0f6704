"""Puts the examples into `docs/surviving-a-deploy.md`: `python -m docs.surviving`; a test compares."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).with_name("surviving-a-deploy.md")
EXAMPLES = PAGE.with_name("examples")
BLOCK = r"(<!-- (survive\.(\w+)) -->\n).*?(?=<!-- end -->)"
LANGUAGES = {"py": "python", "mjs": "js", "go": "go", "sh": "bash"}


def drawn(page: str) -> str:
    """The page with the examples as they are."""

    def block(found: re.Match[str]) -> str:
        return f"{found[1]}```{LANGUAGES[found[3]]}\n{(EXAMPLES / found[2]).read_text()}```\n"

    return re.sub(BLOCK, block, page, flags=re.DOTALL)


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text()))
