"""Links from a page to files of the repository outside docs/, such as scenarios: the site has copies of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from os.path import normpath, relpath
from pathlib import Path, PurePosixPath

LINK = re.compile(r"(?<=\]\()(\.\./[^)#\s]+)")
PAGES = {"CHANGELOG.md": "changelog.md", "README.md": "index.md", "CONTRIBUTING.md": "contributing.md"}
"""Files of the repository that have a page in the manual."""


def outside(link: str, page: str, root: Path) -> str | None:
    """Return the path of a file of the repository outside docs/ that a page links to; None for any other link.

    Args:
        link: the target as the page has it.
        page: the path of the page below docs/.
        root: the folder of the repository.
    """
    target = normpath(PurePosixPath("docs", page).parent / link)
    return target if not target.startswith(("docs/", "..")) and (root / target).is_file() else None


def linked_files(root: Path, generated: Mapping[str, str]) -> list[str]:
    """Return the paths of all files outside docs/ that pages link to, but those that have a page of their own.

    Args:
        root: the folder of the repository.
        generated: the texts of the generated pages, by their path below docs/.
    """
    paths = (root / "docs").rglob("*.md")
    texts = {path.relative_to(root / "docs").as_posix(): path.read_text(encoding="utf-8") for path in paths}
    found = set()
    for page, text in {**texts, **generated}.items():
        found |= {outside(link, page, root) for link in LINK.findall(text)}
    return sorted(path for path in found if path and path not in PAGES)


def to_copies(markdown: str, page: str, root: Path) -> str:
    """Return a page with its links to files outside docs/ leading to their copies, or to the pages made of them."""

    def copied(match: re.Match[str]) -> str:
        path = outside(match[1], page, root)
        if path is None:
            return match[1]
        return relpath(PAGES.get(path, f"files/{path}"), PurePosixPath(page).parent)

    return LINK.sub(copied, markdown)
