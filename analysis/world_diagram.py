"""A diagram of a scenario's world as inline SVG: the server, edges below it, groups of devices below those, and links.

It is drawn as a tree with the server on top, so that up and down in the picture are uplink and downlink, and is narrow
enough to be read on a phone without scaling.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html import escape
from textwrap import wrap
from typing import Any

from markupsafe import Markup

from analysis import style
from simulator.settings.wording import listed

WIDTH, MARGIN = 384, 2
PADDING, LINE, BETWEEN = 12, 16, 10
"""Pixels: the padding of a box and the height of its lines, and what lies between two boxes."""
BRANCH, TWIG, INDENT = 130, 12, 18
"""Pixels: the length of branches from the server, which have room for rates, and of others; a trunk from the left."""
CHARACTER = {"title": 7.0, "detail": 6.4, "link": 5.9}
"""About how many pixels wide a character is, by the kind of line."""
MOST_GROUPS = 10
"""At most so many groups are drawn; further ones are counted."""
DRAWN_WIDTH = 30
"""Characters in a line of what is drawn for each device."""
EXTRAS = ("presence", "battery", "dropout", "outages")
"""Settings of a site that are named where they are there."""


@dataclass
class Site:
    """A box of the diagram.

    Attributes:
        title: its first line, in bold.
        details: further lines.
        links: the lines above and below the branch to the site that it is behind; empty for the server.
        below: the sites that are behind it.
    """

    title: str
    details: list[str]
    links: tuple[str, str] = ("", "")
    below: list[Site] = field(default_factory=list)

    def all(self) -> Iterator[Site]:
        """Yield the site and all below it."""
        yield self
        for site in self.below:
            yield from site.all()


def world_diagram(scenario: Mapping[str, Any]) -> Markup:
    """Return the diagram of a scenario's world as an SVG element; empty if the scenario does not describe one."""
    world = _mapping(scenario.get("world"))
    groups = _mappings(world.get("devices"))
    if not groups or not _mapping(world.get("server")):
        return Markup()
    root = _tree(world, groups)
    parts, bottom = _drawn(root, MARGIN, MARGIN)
    words = escape(_in_words(root), quote=True)
    # Everything in it is escaped where it is written.
    return Markup(
        f'<svg class="world" viewBox="0 0 {WIDTH} {bottom + MARGIN:.0f}" role="img" aria-label="{words}">'
        f"{''.join(parts)}</svg>"
    )


def _tree(world: Mapping[str, Any], groups: list[Mapping[str, Any]]) -> Site:
    server = _mapping(world.get("server"))
    up, down = _rates(server, ways=("downlink", "uplink"))
    details = [_processor(server), f"shared by all: ↑ {up}, ↓ {down}", *_extras(server)]
    root = Site(f"Server: {server.get('name', 'server')}", details)
    edges = _mappings(world.get("edges"))
    sites = [_site(edge, f"{_label(edge)} ({edge.get('name', 'edge server')})") for edge in edges]
    for edge, site in zip(edges, sites, strict=True):
        _behind(edge, edges, sites, root).below.append(site)
    wanted = _wanted(edges)
    for number, group in enumerate(groups):
        if number == MOST_GROUPS:
            root.below.append(Site(f"and {len(groups) - number:,} more groups of devices", []))
            break
        name = str(group.get("name", "device"))
        for place, count in _dealt(group, name, edges, wanted):
            (root if place is None else sites[place]).below.append(_site(group, name, count))
    return root


def _behind(edge: Mapping[str, Any], edges: list[Mapping[str, Any]], sites: list[Site], root: Site) -> Site:
    """Return the site that an edge is behind: another edge, by its label or its name (`edge-0`), or the server."""
    wanted = str(edge.get("behind"))
    for other, site in zip(edges, sites, strict=True):
        if other is not edge and wanted in (_label(other), *(f"{_label(other)}-{i}" for i in range(_count(other)))):
            return site
    return root


def _wanted(edges: list[Mapping[str, Any]]) -> Counter[tuple[int, str]]:
    """Return how many devices each edge takes by number, by its index and the name of their group."""
    members = enumerate(_mapping(edge.get("devices")) for edge in edges)
    return Counter({(place, str(name)): int(number) for place, named in members for name, number in named.items()})


def _dealt(
    group: Mapping[str, Any], name: str, edges: list[Mapping[str, Any]], wanted: Counter[tuple[int, str]]
) -> Iterator[tuple[int | None, int]]:
    """Yield how many devices of a group are behind which edges, by their index; None for the server itself.

    Args:
        group: the group.
        name: its name, which other groups may have, too.
        edges: the edges.
        wanted: as ``_wanted`` returns it; what the group provides is taken off, so that a namesake provides the rest.
    """
    left = _count(group)
    for place in range(len(edges)):
        if number := min(left, wanted[place, name]):
            yield place, number
            left -= number
            wanted[place, name] -= number
    takers = (i for i, edge in enumerate(edges) if isinstance(own := edge.get("devices"), list) and name in own)
    if left > 0:
        yield next(takers, None), left


def _site(site: Mapping[str, Any], name: str, count: int | None = None) -> Site:
    number = _count(site) if count is None else count
    drawn = _figures(site)
    up, down = _rates(site)
    late_up, late_down = (_late(_mapping(site.get(way)).get("latency")) for way in ("uplink", "downlink"))
    if "latency" in drawn:
        late_up = late_down = ""
    links = f"↑ {up}{'' if late_up == late_down else late_up}", f"↓ {down}{late_down}"
    told = wrap(f"drawn for each device: {', '.join(drawn).replace('_', ' ')}", DRAWN_WIDTH) if drawn else []
    return Site(f"{number:,} × {name}", [*filter(None, [_processor(site)]), *told, *_extras(site)], links)


def _figures(site: Mapping[str, Any]) -> list[str]:
    """Return the figures that are drawn for each device of a group, which then are not the group's own."""
    return [key for key, value in _mapping(site.get("population")).items() if isinstance(value, Mapping)]


def _late(latency: Any) -> str:
    """Return a latency as what follows a rate; nothing if there is none."""
    return f", {latency}" if latency and not str(latency).startswith("0 ") else ""


def _count(site: Mapping[str, Any]) -> int:
    return int(site.get("count") or 1)


def _rates(site: Mapping[str, Any], ways: tuple[str, str] = ("uplink", "downlink")) -> tuple[str, str]:
    """Return the rates of both directions of a site's link as text, with a mark where they vary."""
    links, drawn = {way: _mapping(site.get(way)) for way in ways}, _figures(site)
    rates = ("drawn" if way in drawn else link.get("rate", "no limit") for way, link in links.items())
    up, down = (f"{rate}{' ~' if link.get('signal') else ''}" for rate, link in zip(rates, links.values(), strict=True))
    return up, down


def _processor(site: Mapping[str, Any]) -> str:
    """Return what a site computes with: its peak rate at the precision it uses, its memory and its slots.

    What is drawn for each device of a group is left out; nothing may be left.
    """
    rates, slots, gpus = _mapping(site.get("rate")), site.get("slots"), site.get("gpus") or 1
    rate = rates.get(str(site.get("precision"))) or next(iter(rates.values()), None)
    own = [figure for key, figure in (("rate", rate), ("memory", site.get("memory"))) if key not in _figures(site)]
    parts = [f"{gpus} GPUs" if gpus != 1 else "", *own, slots and _slots(int(slots))]
    return " · ".join(str(part) for part in parts if part)


def _slots(number: int) -> str:
    return "1 slot" if number == 1 else f"{number} slots"


def _extras(site: Mapping[str, Any]) -> list[str]:
    """Return a line on presence, batteries and the like, if a site has any."""
    named = [
        f"{key} {value['name']}" if isinstance(value := site[key], Mapping) and "name" in value else key
        for key in EXTRAS
        if site.get(key)
    ]
    return [", ".join(named)] if named else []


def _label(edge: Mapping[str, Any]) -> str:
    return str(edge.get("label", "edge"))


def _drawn(site: Site, left: float, top: float, depth: int = 0) -> tuple[list[str], float]:
    """Return the elements of a site and of all below it, and where they end.

    Args:
        site: the site.
        left, top: where its box begins, in pixels.
        depth: how many sites are above it; below edges there is no room for rates at the branches.
    """
    links = [", ".join(site.links)] if depth > 1 and any(site.links) else []
    width, lines = WIDTH - MARGIN - left, [site.title, *site.details, *links]
    bottom = top + PADDING + LINE * len(lines)
    parts = [f'<rect x="{left}" y="{top}" width="{width}" height="{bottom - top}" rx="6"/>']
    for row, line in enumerate(lines):
        kind = "title" if row == 0 else "link" if line in links else "detail"
        shown = escape(style.shortened(line, int((width - 2 * PADDING) / CHARACTER[kind])))
        parts.append(f'<text class="{kind}" x="{left + PADDING}" y="{top + LINE * (row + 1) + 1}">{shown}</text>')
    trunk, start, last = left + INDENT, bottom, bottom
    for below in site.below:
        own_top = bottom + BETWEEN
        last, branch = own_top + (PADDING + LINE * 2) / 2, TWIG if depth else BRANCH
        own, bottom = _drawn(below, trunk + branch, own_top, depth + 1)
        parts += [*own, f'<path d="M{trunk} {last}h{branch}"/>']
        if not depth and any(below.links):
            for link, y in zip(below.links, (last - 5, last + 13), strict=True):
                parts.append(f'<text class="link" x="{trunk + 6}" y="{y}">{escape(link)}</text>')
    if site.below:
        parts.append(f'<path d="M{trunk} {start}V{last}"/>')
    return parts, bottom


def _in_words(root: Site) -> str:
    """Return the diagram as a sentence, for those who do not see it."""

    def told(site: Site) -> str:
        links = f", link {' '.join(part for part in site.links if part)}" if any(site.links) else ""
        below = f", with {listed(told(each) for each in site.below)} behind it" if site.below and links else ""
        return f"{site.title} ({'; '.join(site.details)}{links}{below})"

    return f"{told(root)}, connected with {listed(told(site) for site in root.below)}"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _mappings(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
