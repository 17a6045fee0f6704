"""What MkDocs is told, so that files which are read where they lie, on a forge or in an editor, are a site as well.

Owns which files outside of `docs` are pages, and where links lead. A link to a page leads to it. One to anything else
in the repository, such as source code, is no link any more, for the site has pages only. One that leads nowhere stays
as it is, and MkDocs complains of it.

Diagrams are Mermaid's. Material would load that program from a CDN; here it comes from the wheel of mermaidx.
"""

from __future__ import annotations

from importlib import resources
from os.path import dirname, relpath
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from markdown import Markdown
from markdown.extensions import Extension
from markdown.treeprocessors import Treeprocessor
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parent.parent
PAGES_ELSEWHERE = {
    "README.md": "project/readme.md",
    "CONTRIBUTING.md": "project/contributing.md",
    "CHANGELOG.md": "project/changelog.md",
    "clients/typescript/README.md": "project/typescript.md",
    "tests/specimens/README.md": "project/specimens.md",
}
DRAWS_DIAGRAMS = "assets/mermaid.js"
BEFORE_MKDOCS_LOOKS = 10  # its own processor of links has priority 0


class LinksOfTheRepository(Treeprocessor):
    """Leads the links of one page, which are those of the repository, to their places in the site."""

    page: File
    places: dict[str, str]  # of each file that is in the site, by its path in the repository

    def run(self, root: Element) -> None:
        """Change the links of a page."""
        for link in root.iter("a"):
            target = urlsplit(link.get("href", ""))
            if target.scheme or not target.path:
                continue
            path = relpath(Path(str(self.page.abs_src_path)).parent / target.path, ROOT)
            if path in self.places:
                place = relpath(self.places[path], dirname(self.page.src_uri) or ".")
                link.set("href", target._replace(path=place).geturl())
            elif (ROOT / path).exists():
                link.tag = "span"
                del link.attrib["href"]


class Links(Extension):
    """Has every page's links looked at."""

    processor = LinksOfTheRepository()

    def extendMarkdown(self, md: Markdown) -> None:
        """Take part in the rendering of a page."""
        md.treeprocessors.register(self.processor, "links_of_the_repository", BEFORE_MKDOCS_LOOKS)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Have links looked at."""
    config.markdown_extensions.append(Links())  # type: ignore[arg-type]
    return config


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages that lie elsewhere, and the program that draws diagrams."""
    for source, place in PAGES_ELSEWHERE.items():
        files.append(File.generated(config, place, abs_src_path=str(ROOT / source)))
    program = resources.files("mermaidx") / "assets" / "mermaid.js"
    files.append(File.generated(config, DRAWS_DIAGRAMS, content=program.read_bytes()))
    Links.processor.places = {relpath(file.abs_src_path, ROOT): file.src_uri for file in files if file.abs_src_path}
    return files


def on_page_markdown(markdown: str, *, page: Page, **_: object) -> str:
    """Say whose links come next."""
    Links.processor.page = page.file
    return markdown


def on_post_page(output: str, *, page: Page, **_: object) -> str:
    """Load the program that draws diagrams, where there is one, before Material misses it."""
    if 'class="mermaid"' not in output:
        return output
    program = relpath(DRAWS_DIAGRAMS, dirname(page.file.dest_uri) or ".")
    return output.replace("</head>", f'<script src="{program}"></script></head>', 1)
