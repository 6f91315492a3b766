"""Links from a page to files of the repository outside docs/, such as scenarios: the site has copies of them."""

from __future__ import annotations

import re
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


def linked_files(root: Path) -> list[str]:
    """Return the paths of all files outside docs/ that pages link to, but those that have a page of their own."""
    found = set()
    for path in (root / "docs").rglob("*.md"):
        page = path.relative_to(root / "docs").as_posix()
        found |= {outside(link, page, root) for link in LINK.findall(path.read_text(encoding="utf-8"))}
    return sorted(path for path in found if path and path not in PAGES)


def to_copies(markdown: str, page: str, root: Path) -> str:
    """Return a page with its links to files outside docs/ leading to their copies, or to the pages made of them."""

    def copied(match: re.Match[str]) -> str:
        path = outside(match[1], page, root)
        if path is None:
            return match[1]
        return relpath(PAGES.get(path, f"files/{path}"), PurePosixPath(page).parent)

    return LINK.sub(copied, markdown)
