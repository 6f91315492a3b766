"""A report as one self-contained HTML file: a template, its data and Plotly put together."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from analysis.interactive.figure import DARK, Chart, Look
from analysis.limits import limits_of
from analysis.reading import RunError
from analysis.versions import of_another
from simulator.settings.disk import written
from simulator.settings.files import atomically
from simulator.settings.humanize import human

NO_BREAK = "\N{NO-BREAK SPACE}"
DRAWN = ("Devices", "Server")
"""The facts that the diagram of the world shows."""
THERE = "there"
"""The value that `flat` gives an item of a list, ahead of the settings inside it."""


@dataclass(frozen=True)
class Swatch:
    """A label as a legend shows it.

    Attributes:
        label: the label.
        look: its stroke and its marker.
    """

    label: str
    look: Look

    @classmethod
    def all_of(cls, labels: Sequence[str], places: Mapping[str, int]) -> list[Swatch]:
        """Return a swatch for each label, in their order, by the places that settle how they look."""
        return [cls(label, Look.of(places[label])) for label in labels]

    @property
    def dark(self) -> str:
        """The colour on a dark page."""
        return DARK.get(self.look.colour, self.look.colour)


@cache
def _templates() -> Environment:
    """Return the templates of pages, which are compiled once: many pages may be written one after the other."""
    environment = Environment(
        loader=PackageLoader("analysis"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"human": human, "whole": whole, "whole_units": whole_units}
    return environment


def write_page(
    path: Path, template: str, charts: Sequence[Chart], data: Mapping[str, Any], *, version: str, **context: Any
) -> Path:
    """Render a template with its charts and data to a file, which appears only when it is complete; return its path.

    Args:
        path: the file to write.
        template: the name of the template.
        charts: the figures of the page.
        data: further data for the page's scripts, as JSON.
        version: the version of sfsim that wrote what is shown, or several joined by "and"; empty if unknown.
        context: further variables of the template.

    Raises:
        RunError: Plotly is not installed.
        CannotWriteError: the file cannot be written.
    """
    drawn = {chart.name: {"figures": chart.figures, "knobs": len(chart.knobs)} for chart in charts}
    page = _templates().get_template(template)
    text = page.render(
        charts=charts,
        data=_embedded({"charts": drawn, "dark": DARK, **data}),
        plotly=Markup(plotly_js()),
        version=version,
        of_another=of_another(version),
        **context,
    )
    with written(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    atomically(path, lambda partial: partial.write_text(text, encoding="utf-8", errors="backslashreplace"))
    return path


def whole(text: str) -> str:
    """Return the text of a cell that may break before its spread or its remark, and nowhere else.

    >>> whole("82 ± 1.2 % (2 of 3 seeds)").replace(NO_BREAK, "_")
    '82 ±_1.2_% (2_of_3_seeds)'
    """
    parts = [part.replace(" ", NO_BREAK) for part in re.split(r" (?=[±(])", text)]
    return " ".join(parts)


def whole_units(text: str) -> str:
    """Return sentences in which no number is broken off its unit."""
    return re.sub(r"(?<=\d) (?=[%A-Za-zµ])", NO_BREAK, text)


def plotly_js() -> str:
    """Return the text of Plotly.js from its Python package, without importing that package, which is slow.

    Raises:
        RunError: Plotly is not installed.
    """
    spec = find_spec("plotly")
    folders = list(spec.submodule_search_locations or ()) if spec else []
    file = Path(folders[0]) / "package_data" / "plotly.min.js" if folders else None
    if file is None or not file.is_file():
        raise RunError("a report needs plotly, which is not installed: pip install 'plotly>=6'")
    return file.read_text(encoding="utf-8")


def flat(value: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """Yield nested mappings as pairs of a dotted key and a text, such as (`packages.torch`, `2.6.0`).

    The items of a list of mappings are keyed by their labels or names.

    Args:
        value: the mapping, or a value inside it.
        name: the dotted key of the value.
    """
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from flat(inner, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list) and value and all(isinstance(item, Mapping) for item in value):
        names = [str(item.get("label") or item.get("name") or index) for index, item in enumerate(value)]
        distinct = len(set(names)) == len(names)
        for index, item in enumerate(value):
            yield f"{name}.{names[index] if distinct else index}", THERE
            yield from flat(item, f"{name}.{names[index] if distinct else index}")
    elif isinstance(value, list):
        yield name, ", ".join(str(item) for item in value)
    else:
        yield name, "null" if value is None else str(value)


def described(environment: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the environment of a run as ``flat`` does, but its plug-ins as one pair: their files and short hashes."""
    records = environment.get("plugins")
    plugins = [record for record in records if isinstance(record, Mapping)] if isinstance(records, list) else []
    yield from flat({key: value for key, value in environment.items() if key != "plugins"})
    if plugins:
        yield "plugins", ", ".join(map(_plugin, plugins))


def _plugin(record: Mapping[str, Any]) -> str:
    """Return a plug-in of an environment in words, such as "mine.py (1a2b3c4d) with helper.py (5e6f7a8b)"."""
    hashes = {str(record.get("file", "")).rpartition("/")[2]: record.get("sha256"), **section(record, "imports")}
    own, *others = (f"{name} ({str(sha256)[:8]})" for name, sha256 in hashes.items())
    return f"{own} with {', '.join(others)}" if others else own


def section(mapping: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the mapping at this key, or an empty one if there is none."""
    value = mapping.get(key)
    return value if isinstance(value, Mapping) else {}


def facts_of(scenario: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the main settings of a scenario as pairs of a name and a text; settings that it lacks are left out."""
    training, data, world = (section(scenario, key) for key in ("training", "data", "world"))
    partition, server = section(data, "partition"), section(world, "server")
    devices = [group for group in world.get("devices") or [] if isinstance(group, Mapping)]
    partitioning = partition.get("name")
    if partitioning == "dirichlet" and "alpha" in partition:
        partitioning = f"Dirichlet, alpha {partition['alpha']}"
    seeds, limits = scenario.get("seeds"), limits_of(scenario)
    facts = {
        "Model": section(scenario, "model").get("name"),
        "Data": ", ".join(str(part) for part in (data.get("name"), partitioning) if part),
        "Devices": ", ".join(f"{group.get('count', 1)} × {group.get('name', 'device')}" for group in devices),
        "Server": server.get("name"),
        "Rounds": training.get("rounds") if None in limits else None,
        "Budget": ", ".join(dict.fromkeys(str(limit) for limit in limits if limit)),
        "Devices a round": training.get("clients_per_round"),
    }
    if isinstance(seeds, list):
        facts["Seed" if len(seeds) == 1 else "Seeds"] = ", ".join(map(str, seeds))
    return [(name, str(value)) for name, value in facts.items() if value not in (None, "")]


def _embedded(data: Mapping[str, Any]) -> Markup:
    """Return data as JSON that is safe inside a script element: no text in it can end the element."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))
