"""What a scenario can name, as tables: `sfsim list`. Of heavy libraries, only a list of models loads one."""

from __future__ import annotations

import json
import re
from typing import Any

from rich import box
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from simulator.scenario import hardware as catalogue
from simulator.scenario.hardware import Entry, Figure, figures
from simulator.settings.base import Settings
from simulator.settings.plugins import FAMILIES
from simulator.settings.wording import listed, near_miss

NOT_STAGED = ("test_vit", "test_vit2", "test_vit4", "vit_intern300m_patch14_448")
"""VisionTransformers of timm's that take images of any size: they have no fixed stages."""
FAMILY = {
    "vision_transformer": re.compile(".*"),
    "deit": re.compile("(?!.*distilled).*"),
    "resnet": re.compile(r"(wide_)?resnet(aa)?\d.*|test_resnet"),
}
"""The modules of timm that hold models which can be cut, and what these are called. Other ResNets (with grouped
convolutions, squeeze and excitation, blurred pooling) have parts that stages do not know."""
DEVICE = {
    "fp32": "rate.fp32",
    "reached": "utilisation",
    "bandwidth": "memory_bandwidth",
    "memory": "memory",
    "idle": "power.idle",
    "compute": "power.compute",
    "sending": "power.upload",
}
"""The columns of devices, and the figures in them; the rest, such as other precisions, stands among the sources."""
LINK = {
    "up": "uplink.rate",
    "up after": "uplink.latency",
    "down": "downlink.rate",
    "down after": "downlink.latency",
}
MARKS = {
    "measured": "someone ran it and published the figure",
    "nominal": "a maker's or a standard's figure",
    "derived": "calculated from other figures",
    "recalled": "from memory, not verified",
    "assumed": "nobody states it",
}
"""Shown by their first letters."""
WHAT = ("devices", "links", "models", *FAMILIES)


def listing(what: str, match: str = "", sources: bool = False) -> RenderableType:
    """A list of what a scenario can name.

    Args:
        what: one of `WHAT`.
        match: only names that contain this.
        sources: of devices and links, each figure's source too.

    Raises:
        ValueError: there is no such list, or nothing in it matches.
    """
    if not what:
        raise ValueError(f"name what to list: {listed(WHAT)}")
    if what not in WHAT:
        raise ValueError(f'there is no list of "{what}"{near_miss(what, WHAT) or "."} There are {listed(WHAT)}')
    if what in FAMILIES:
        return _plugins(what, match)
    if what == "models":
        return _models(match)
    return _hardware(what, DEVICE if what == "devices" else LINK, match, sources)


def models() -> list[str]:
    """The names of timm's VisionTransformers and ResNets that can be cut, in order."""
    import timm

    names = [
        name for module, said in FAMILY.items() for name in timm.list_models(module=module) if said.fullmatch(name)
    ]
    return sorted(name for name in names if name not in NOT_STAGED)


def keys(kind: type[Settings]) -> dict[str, str]:
    """The keys that a plug-in takes, each with its default, or with nothing where it must be said."""
    fields = kind.model_fields.items()
    return {
        name: "" if field.is_required() else _written(field.get_default(call_default_factory=True))
        for name, field in fields
    }


def _hardware(section: str, columns: dict[str, str], match: str, sources: bool) -> RenderableType:
    everything = catalogue.entries()
    known = _matching(section, everything[section], match)
    defaults = everything["defaults"]["device"] if section == "devices" else {}
    table = _table(section[:-1], *columns)
    for name in known:
        said = dict(figures(catalogue.merge(defaults, known[name])))
        table.add_row(escape(name), *(_marked(said.get(key)) for key in columns.values()))
    lines = [f"{mark[0]}  {mark}: {meaning}" for mark, meaning in MARKS.items()]
    if defaults:
        server = everything["defaults"]["server"]["utilisation"].value
        lines.append(f"reached: the share of the peak; as a server {server} where an entry says nothing of it")
        lines.append("--sources shows rates at other precisions, and where each figure comes from")
    legend = Text("\n".join(lines), "dim")
    return Group(table, legend, _sources(known)) if sources else Group(table, legend)


def _sources(known: dict[str, Entry]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("figure", "value", "mark", "date"):
        table.add_column(heading, no_wrap=True)
    table.add_column("source")
    for name, entry in known.items():
        table.add_section()
        for key, figure in figures(entry, name):
            value = f"{len(figure.value)} pieces of work" if isinstance(figure.value, dict) else str(figure.value)
            table.add_row(key, value, figure.mark or "", figure.date, escape(figure.source))
    return table


def _models(match: str) -> Table:
    from timm import get_pretrained_cfg, is_model_pretrained

    table = _table("model", "pixels", "published weights")
    table.columns[2].justify = "left"
    ours = {"bundled": ("32", "Tiny-ImageNet, in this package"), "random": ("32", "none: bundled, untrained")}
    for name in _matching("models", dict.fromkeys((*ours, *models())), match):
        if name in ours:
            table.add_row(name, *ours[name])
            continue
        config = get_pretrained_cfg(name)
        side = str(config.input_size[-1]) if config else ""
        table.add_row(name, side, (config.tag or "yes") if config and is_model_pretrained(name) else "none")
    return table


def _plugins(what: str, match: str) -> Table:
    from simulator.scenario.schema import summary

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(FAMILIES[what].kind, no_wrap=True)
    table.add_column("keys and defaults", no_wrap=True)
    table.add_column("what it is")
    kinds = FAMILIES[what]
    for name in _matching(what, dict.fromkeys(kinds.names()), match):
        kind = kinds.find(name)
        said = [
            f"{key}: {default}" if default else f"{key} [dim](must be said)[/]" for key, default in keys(kind).items()
        ]
        table.add_row(name, "\n".join(said), escape(_first_sentence(summary(kind))), end_section=True)
    return table


def _matching(what: str, known: dict[str, Any], match: str) -> dict[str, Any]:
    found = {name: value for name, value in known.items() if match.lower() in name.lower()}
    if not found:
        raise ValueError(f'no {what} match "{match}"{near_miss(match, known)}')
    return found


def _marked(figure: Figure | None) -> str:
    if figure is None:
        return ""
    return f"{figure.value} [dim]{(figure.mark or ' ')[0]}[/]"


def _written(value: Any) -> str:
    """As a scenario would say it."""
    plain = value.model_dump(mode="json") if isinstance(value, Settings) else value
    return escape(plain if isinstance(plain, str) else json.dumps(plain).replace('"', ""))


def _first_sentence(text: str) -> str:
    end = text.find(". ")
    return text if end < 0 else text[: end + 1]


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
