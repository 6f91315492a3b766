"""The hardware catalogue: what a scenario leaves out about a device, a server or a link that it names.

The figures are in `assets/catalogue.yaml`, each with its mark and its source.
"""

from functools import cache
from importlib.resources import as_file, files
from typing import Any, Literal

from simulator import yamlfile
from simulator.settings import Settings, invalid
from simulator.wording import listed, near_miss

Role = Literal["device", "server"]
Mark = Literal["measured", "nominal", "derived", "recalled", "assumed"]
NEEDED = ("rate", "memory_bandwidth", "memory", "power")
"""What a device that is not in the catalogue must say itself."""
DIRECTIONS = ("uplink", "downlink")


class Figure(Settings):
    """One figure of the catalogue, as a scenario would write it, and where it comes from."""

    value: str | float
    mark: Mark
    source: str


Entry = dict[str, Any]
"""A tree of mappings with figures at the leaves."""


@cache
def entries() -> dict[str, dict[str, Entry]]:
    """The catalogue: `defaults` by role, `devices` and `links` by name."""
    with as_file(files("simulator") / "assets" / "catalogue.yaml") as path:
        data = yamlfile.read(path).data
    return {section: {name: _figures(entry) for name, entry in named.items()} for section, named in data.items()}


def complete(site: dict[str, Any], role: Role) -> dict[str, Any]:
    """The plain data of a device or server with what it leaves out filled in, links named by the catalogue written out.

    What it says stays. A link that it says as a mapping stands as it is.

    Raises:
        ValueError: its name is not in the catalogue and it does not say all that is needed, or there is no such link.
    """
    known = entries()["devices"]
    name = str(site.get("name"))
    missing = [key for key in NEEDED if key not in site]
    if missing and name not in known:
        itself = f"must say its {listed(missing)} itself"
        near = near_miss(name, known)
        raise ValueError(
            f'"{name}" is not in the catalogue{near} Otherwise it {itself}'
            if near
            else f'"{name}" is not in the catalogue ({listed(known)}), so it {itself}'
        )
    figures = merge(entries()["defaults"][role], known.get(name, {}))
    site = merge(_plain(figures), site)
    return site | {direction: link(site[direction], direction) for direction in DIRECTIONS}


def link(given: Any, direction: str) -> Any:
    """What the catalogue says of the link named `given`; a link that is a mapping stands as it is.

    Raises:
        ValueError: there is no such link.
    """
    if not isinstance(given, str):
        return given
    known = entries()["links"]
    if given not in known:
        problem = f"there is no such link in the catalogue{near_miss(given, known)}"
        raise invalid([((direction,), given, problem, f"{listed(known)}, or a mapping with a rate")])
    return _plain(known[given][direction])


def merge(under: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Both mappings in one; where both say something `over` counts, mappings in them are merged likewise."""
    merged = dict(under)
    for key, value in over.items():
        below = under.get(key)
        merged[key] = merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _figures(entry: Any) -> Any:
    if set(entry) == {"value", "mark", "source"}:
        return Figure.model_validate(entry)
    return {key: _figures(value) for key, value in entry.items()}


def _plain(entry: Any) -> Any:
    return entry.value if isinstance(entry, Figure) else {key: _plain(value) for key, value in entry.items()}
