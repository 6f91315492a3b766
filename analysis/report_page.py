"""A report as one HTML file that needs nothing but itself: how a template, its data and Plotly become one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analysis.interactive.figure import DARK, Chart, Look
from analysis.runs import RunError
from analysis.versions import of_another
from simulator.settings.files import atomically
from simulator.settings.humanize import human

THERE = "there"
"""What `flat` says of an item of a list, before it says what is in it."""


@dataclass(frozen=True)
class Swatch:
    """A label with what a legend shows of it: a stroke and a marker."""

    label: str
    look: Look

    @classmethod
    def all_of(cls, labels: Sequence[str]) -> list[Swatch]:
        """One for each label, in their order."""
        return [cls(label, Look.of(place)) for place, label in enumerate(labels)]

    @property
    def dark(self) -> str:
        """The colour on a dark page."""
        return DARK.get(self.look.colour, self.look.colour)


def write_page(
    path: Path, template: str, charts: Sequence[Chart], data: Mapping[str, Any], *, version: str, **context: Any
) -> Path:
    """Render a template, with its charts and further data inside, to a file that appears only when it is whole.

    `version` is that of sfsim which wrote what is shown, or several with "and"; empty, if it did not say.
    """
    environment = Environment(
        loader=PackageLoader("analysis"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["human"] = human
    drawn = {chart.name: {"figures": chart.figures, "knobs": len(chart.knobs)} for chart in charts}
    text = environment.get_template(template).render(
        charts=charts,
        data=_embedded({"charts": drawn, "dark": DARK, **data}),
        plotly=Markup(plotly_js()),
        version=version,
        of_another=of_another(version),
        **context,
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    atomically(path, lambda partial: partial.write_text(text, encoding="utf-8"))
    return path


def plotly_js() -> str:
    """The text of Plotly.js, as its Python package brings it; the package itself is slow to import, and not needed.

    Raises RunError where it is not installed.
    """
    found = find_spec("plotly")
    places = list(found.submodule_search_locations or ()) if found else []
    file = Path(places[0]) / "package_data" / "plotly.min.js" if places else None
    if file is None or not file.is_file():
        raise RunError("a report needs plotly, which is not installed: pip install 'plotly>=6'")
    return file.read_text(encoding="utf-8")


def flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Nested mappings as lines: `packages.torch`, `2.6.0`; lists of mappings by their labels or names."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        names = [str(item.get("label") or item.get("name") or place) for place, item in enumerate(value)]
        distinct = len(set(names)) == len(names)
        for place, item in enumerate(value):
            yield f"{name}.{names[place] if distinct else place}", THERE
            yield from flat(item, f"{name}.{names[place] if distinct else place}")
    elif isinstance(value, list):
        yield name, ", ".join(str(item) for item in value)
    else:
        yield name, "null" if value is None else str(value)


def section(mapping: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The mapping of this key, or an empty one where there is none."""
    value = mapping.get(key)
    return value if isinstance(value, Mapping) else {}


def facts_of(scenario: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was compared, in a line each; a scenario that lacks a key lacks the line."""
    training, data, world = (section(scenario, key) for key in ("training", "data", "world"))
    partition, server = section(data, "partition"), section(world, "server")
    devices = [group for group in world.get("devices") or [] if isinstance(group, Mapping)]
    spread = partition.get("name")
    if spread == "dirichlet" and "alpha" in partition:
        spread = f"Dirichlet, alpha {partition['alpha']}"
    seeds = scenario.get("seeds")
    facts = {
        "Model": section(scenario, "model").get("name"),
        "Data": ", ".join(str(part) for part in (data.get("name"), spread) if part),
        "Devices": ", ".join(f"{group.get('count', 1)} × {group.get('name', 'device')}" for group in devices),
        "Server": server.get("name"),
        "Rounds": training.get("rounds"),
        "Devices a round": training.get("clients_per_round"),
        "Seeds": ", ".join(map(str, seeds)) if isinstance(seeds, list) else None,
    }
    return [(name, str(value)) for name, value in facts.items() if value not in (None, "")]


def _embedded(data: Mapping[str, Any]) -> Markup:
    """JSON that can stand in a script: no text in it ends the element."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))
