"""What MkDocs calls while it builds the manual: pages are generated, and links to files outside docs/ are kept."""

from __future__ import annotations

from pathlib import Path

import choices
import columns
import commands
import keys
import systems
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from outside import linked_files, to_copies

ROOT = Path(__file__).parents[2]


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add the generated pages of the algorithms to the navigation."""
    assert config.nav is not None
    (section,) = (entry for entry in config.nav if isinstance(entry, dict) and "Systems" in entry)
    section["Systems"] = ["systems/index.md", *({page.title: page.path} for page in systems.pages())]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages, the change log, and copies of the files of the repository that pages link to."""
    generated = {page.path: page.text for page in systems.pages()}
    generated |= {
        "systems/index.md": systems.overview(),
        "reference/scenario.md": keys.scenario_page(),
        "reference/files.md": keys.files_page(),
        "reference/choices.md": choices.page(),
        "reference/columns.md": columns.page(),
        "reference/commands.md": commands.page(),
        "changelog.md": (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"),
    }
    for path, text in generated.items():
        files.append(File.generated(config, path, content=text))
    for path in linked_files(ROOT):
        files.append(File.generated(config, f"files/{path}", abs_src_path=str(ROOT / path)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Lead links to files of the repository outside docs/ to their copies in the site."""
    return to_copies(markdown, page.file.src_uri, ROOT)
