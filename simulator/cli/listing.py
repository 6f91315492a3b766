"""Tables of what a scenario can name, for `sfsim list`. Only the list of models loads a heavy library (timm)."""

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
"""VisionTransformers of timm that take images of any size, and so have no fixed stages."""
FAMILY = {
    "vision_transformer": re.compile(".*"),
    "deit": re.compile("(?!.*distilled).*"),
    "swin_transformer": re.compile(".*"),
    "mlp_mixer": re.compile("mixer_.*"),
    "resnet": re.compile(r"(wide_)?resnet(aa)?\d.*|test_resnet"),
}
"""For each timm module with models that can be cut, the pattern of their names.

Other ResNets (with grouped convolutions, squeeze and excitation, blurred pooling) have parts that stages do not know.
"""
REACHED = "utilisation"
DEVICE = {
    "fp32": "rate.fp32",
    "reached": REACHED,
    "bandwidth": "memory_bandwidth",
    "memory": "memory",
    "idle": "power.idle",
    "compute": "power.compute",
    "sending": "power.upload",
}
"""Columns of the table of devices, and the figure in each. Other figures, such as the rates at other precisions, are
shown with the sources."""
LINK = {
    "up": "uplink.rate",
    "up after": "uplink.latency",
    "down": "downlink.rate",
    "down after": "downlink.latency",
}
MARKS = {
    "measured": "someone ran it and published the figure",
    "fitted": "fitted to measured seconds (sfsim fidelity)",
    "nominal": "a maker's or a standard's figure",
    "derived": "calculated from other figures",
    "recalled": "from memory, not verified",
    "assumed": "nobody states it",
}
"""The marks of figures and their meanings. Tables show a mark by its first letter."""
WHAT = ("devices", "links", "models", *FAMILIES)


def listing(what: str, match: str = "", sources: bool = False) -> RenderableType:
    """Return a table of what a scenario can name.

    Args:
        what: the kind of thing to list, one of `WHAT`.
        match: list only names that contain this text, in upper or lower case.
        sources: for devices and links, add a table with the source of each figure.

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
    """Return the sorted names of timm's models that can be cut."""
    import timm

    names = [
        name
        for module, pattern in FAMILY.items()
        for name in timm.list_models(module=module)
        if pattern.fullmatch(name)
    ]
    return sorted(name for name in names if name not in NOT_STAGED)


def keys(kind: type[Settings]) -> dict[str, str]:
    """Return the keys of a plug-in with their defaults as text; the text is empty for a required key."""
    fields = kind.model_fields.items()
    return {
        name: "" if field.is_required() else _written(field.get_default(call_default_factory=True))
        for name, field in fields
    }


def _hardware(section: str, columns: dict[str, str], match: str, sources: bool) -> RenderableType:
    everything = catalogue.entries()
    selected = _matching(section, everything[section], match)
    defaults = everything["defaults"]["device"] if section == "devices" else {}
    table = _table(section[:-1], *columns)
    for name in selected:
        stated = _at_fp32(catalogue.merge(defaults, selected[name]))
        table.add_row(escape(name), *(_marked(stated.get(key)) for key in columns.values()))
    lines = [f"{mark[0]}  {mark}: {meaning}" for mark, meaning in MARKS.items()]
    for name in selected if section == "devices" else ():
        if meant := catalogue.stands_for(name):
            figure: Any = everything["generic"][name]
            lines.append(f"the name {name} stands for {meant} ({figure.mark or 'your own choice'}: {figure.source})")
    if defaults:
        server = _at_fp32(everything["defaults"]["server"]).get(REACHED)
        otherwise = f"; as a server {server.value} where an entry says nothing of it" if server else ""
        lines.append(f"reached: the share of the peak at fp32{otherwise}")
        lines.append("--sources shows the figures at other precisions, and where each figure comes from")
    legend = Text("\n".join(lines), "dim")
    return Group(table, legend, _sources(selected)) if sources else Group(table, legend)


def _at_fp32(entry: Entry) -> dict[str, Figure]:
    """Return the figures of an entry by their keys; of a utilisation by precision, that of fp32 is its figure."""
    stated = dict(figures(entry))
    by_precision = stated.get(f"{REACHED}.fp32")
    return {REACHED: by_precision, **stated} if by_precision else stated


def _sources(selected: dict[str, Entry]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("figure", "value", "mark", "date"):
        table.add_column(heading, no_wrap=True)
    table.add_column("source")
    for name, entry in selected.items():
        table.add_section()
        for key, figure in figures(entry, name):
            value = f"{len(figure.value)} pieces of work" if isinstance(figure.value, dict) else str(figure.value)
            table.add_row(key, value, figure.mark or "", figure.date, escape(figure.source))
    return table


def _models(match: str) -> Table:
    from timm import get_pretrained_cfg, is_model_pretrained

    from simulator.learning.models.text.presets import PRESETS

    table = _table("model", "pixels", "published weights")
    table.columns[2].justify = "left"
    own_models = {"bundled": ("32", "Tiny-ImageNet, in this package"), "random": ("32", "none: bundled, untrained")}
    language_models = {name: ("", f"{preset.repository}, for texts") for name, preset in PRESETS.items()}
    ours = own_models | language_models
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
        settings = [
            f"{key}: {default}" if default else f"{key} [dim](required)[/]" for key, default in keys(kind).items()
        ]
        table.add_row(name, "\n".join(settings), escape(_first_sentence(summary(kind))), end_section=True)
    return table


def _matching(what: str, known: dict[str, Any], match: str) -> dict[str, Any]:
    matching = {name: value for name, value in known.items() if match.lower() in name.lower()}
    if not matching:
        raise ValueError(f'no {what} match "{match}"{near_miss(match, known)}')
    return matching


def _marked(figure: Figure | None) -> str:
    if figure is None:
        return ""
    return f"{figure.value} [dim]{(figure.mark or ' ')[0]}[/]"


def _written(value: Any) -> str:
    """Format a value as a scenario file would write it."""
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
