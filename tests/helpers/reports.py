"""Reading a report as a browser would: its tags, its words, its requests and its data."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import plotly.graph_objects

MOST_BYTES = 6_000_000
_ASKING = ("src", "srcset", "poster", "action", "background", "data")


@dataclass
class Page(HTMLParser):
    """The content of a report.

    Attributes:
        html: the whole file.
        tags: all tags, in order.
        requested: the addresses that a browser would fetch.
        words: the texts outside of styles and scripts.
        headings: the texts of buttons in table headings.
        policy: the content security policy.
    """

    html: str
    tags: list[str] = field(default_factory=list)
    requested: list[str] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    policy: str = ""

    def __post_init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.scripts: dict[str, str] = {}
        self.script = ""
        self.feed(self.html)
        self.text = " ".join(" ".join(self.words).split())
        self.data: dict[str, Any] = json.loads(self.scripts["data"])
        self.charts: dict[str, Any] = self.data["charts"]
        css = " ".join(re.findall(r"<style>(.*?)</style>", self.html, re.S))
        self.requested += re.findall(r"url\([^)]*\)|@import[^;]*", css)

    @classmethod
    def of(cls, path: Path) -> Page:
        """Read the report in a file."""
        return cls(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append(tag)
        self.open.append(tag)
        self.requested += [value or "" for name, value in attrs if name in _ASKING]
        if tag == "link":
            self.requested.append(attributes.get("href") or "")
        if tag == "script":
            self.script = attributes.get("id") or "code"
        if attributes.get("http-equiv") == "Content-Security-Policy":
            self.policy = attributes.get("content") or ""

    def handle_endtag(self, tag: str) -> None:
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        inside = self.open[-1] if self.open else ""
        if inside == "script":
            self.scripts[self.script] = self.scripts.get(self.script, "") + data
        elif inside != "style":
            self.words.append(data)
            if inside == "button" and "th" in self.open:
                self.headings.append(data.strip())


def valid(figure: dict[str, Any]) -> None:
    """Fail if a figure has a property, or a value of one, that Plotly does not know."""
    plotly.graph_objects.Figure(figure)
