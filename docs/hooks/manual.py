"""What MkDocs calls while it builds the manual: pages are generated, and links to files outside docs/ are kept."""

from __future__ import annotations

import generated
import systems
from generated import ROOT
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from outside import linked_files, to_copies


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the pages of the algorithms to the navigation."""
    assert config.nav is not None
    (section,) = (entry for entry in config.nav if isinstance(entry, dict) and "Systems" in entry)
    section["Systems"] = [
        "systems/index.md",
        *({systems.title(name): f"systems/{name}.md"} for name in systems.names()),
    ]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, and copies of the files of the repository that pages link to."""
    texts = {path: text() for path, text in generated.pages().items()}
    for path, text in texts.items():
        files.append(File.generated(config, path, content=text))
    for path in linked_files(ROOT, texts):
        files.append(File.generated(config, f"files/{path}", abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to files of the repository outside docs/ to their copies in the site."""
    return to_copies(markdown, page.file.src_uri, ROOT)
