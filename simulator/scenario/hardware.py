"""The hardware catalogue: what a scenario leaves out about a device, a server or a link that it names.

The figures are in `assets/catalogue.yaml`, each with its mark, its source and a date. A user's own file has the same
form; its figures may come without a mark, as plain values, and count where ours say something else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, PlainValidator

from simulator.accounting.seconds import read_table
from simulator.settings.base import Settings, invalid
from simulator.settings.loading import FileSettings, read_settings
from simulator.settings.merging import merge
from simulator.settings.units import BANDWIDTH, DURATION, MEMORY, MEMORY_BANDWIDTH, POWER, RATE
from simulator.settings.wording import listed, near_miss

Role = Literal["device", "server"]
Precision = Literal["fp32", "fp16", "bf16"]
Mark = Literal["measured", "nominal", "derived", "recalled", "assumed"]
NEEDED = ("rate", "memory_bandwidth", "memory", "power")
"""What a device that is not in the catalogue must say itself."""
DIRECTIONS = ("uplink", "downlink")
Entry = dict[str, Any]
"""A tree of mappings with figures at the leaves."""


class Figure(Settings):
    """One figure of the catalogue, as a scenario would write it, and where it comes from."""

    value: Any
    mark: Mark | None = None
    source: str = ""
    date: str = ""
    """Of the source, or when it was looked up."""


def _figure(read: Callable[[Any], object]) -> PlainValidator:
    """Takes a figure, or its value alone, that `read` can read."""

    def figure(data: Any) -> Figure:
        found = Figure.model_validate(data if isinstance(data, dict) else {"value": data})
        try:
            read(found.value)
        except ValueError as error:
            raise invalid([((), found.value, str(error), None)]) from None
        return found

    return PlainValidator(figure)


def _share(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise ValueError("it must be a number, more than 0 and at most 1")


def _link(data: Any) -> Figure | LinkFigures:
    """A link's name, or a mapping that says it."""
    if isinstance(data, dict) and "value" not in data:
        return LinkFigures.model_validate(data)
    found = Figure.model_validate(data if isinstance(data, dict) else {"value": data})
    if not isinstance(found.value, str):
        raise invalid([((), found.value, "it must be the name of a link, or a mapping with a rate", None)])
    return found


class LinkFigures(Settings):
    """One direction of a link."""

    rate: Annotated[Figure, _figure(BANDWIDTH.parse)]
    latency: Annotated[Figure | None, _figure(DURATION.parse)] = None


class PairFigures(Settings):
    """A link."""

    uplink: LinkFigures
    downlink: LinkFigures


class PowerFigures(Settings):
    """What a device draws."""

    idle: Annotated[Figure | None, _figure(POWER.parse)] = None
    compute: Annotated[Figure | None, _figure(POWER.parse)] = None
    upload: Annotated[Figure | None, _figure(POWER.parse)] = None
    download: Annotated[Figure | None, _figure(POWER.parse)] = None


class SiteFigures(Settings):
    """A device or a server; what an entry leaves out, the scenario must say."""

    rate: dict[Precision, Annotated[Figure, _figure(RATE.parse)]] = Field(default={})
    utilisation: Annotated[Figure | None, _figure(_share)] = None
    memory_bandwidth: Annotated[Figure | None, _figure(MEMORY_BANDWIDTH.parse)] = None
    memory: Annotated[Figure | None, _figure(MEMORY.parse)] = None
    power: PowerFigures = PowerFigures()
    table: Annotated[Figure | None, _figure(read_table)] = None
    uplink: Annotated[Figure | LinkFigures | None, PlainValidator(_link)] = None
    downlink: Annotated[Figure | LinkFigures | None, PlainValidator(_link)] = None


class CatalogueFile(FileSettings):
    """What a catalogue's file may say."""

    defaults: dict[Role, SiteFigures] = Field(default={})
    devices: dict[str, SiteFigures] = Field(default={})
    links: dict[str, PairFigures] = Field(default={})


_own: ContextVar[Entry | None] = ContextVar("_own", default=None)


def entries() -> dict[str, dict[str, Entry]]:
    """The catalogue: `defaults` by role, `devices` and `links` by name; within `joined`, with a user's file in it."""
    return merge(_ours(), _own.get() or {})


def read(path: Path | str) -> dict[str, dict[str, Entry]]:
    """The entries of one file.

    Raises:
        ScenarioError: all that is wrong with it, a line each, with the file, the line, the entry and the key.
    """
    return _tree(read_settings(CatalogueFile, path))


@contextmanager
def joined(path: str, folder: Path | str = "") -> Iterator[None]:
    """Within it, the entries of a user's file count before ours.

    Args:
        path: the file, from `folder` or, if it is not there, from the working directory.
        folder: of the scenario that names it.

    Raises:
        ScenarioError: as `read`.
    """
    beside = Path(folder, path).expanduser()
    token = _own.set(read(beside if beside.exists() or not Path(path).exists() else path))
    try:
        yield
    finally:
        _own.reset(token)


def complete(site: dict[str, Any], role: Role) -> dict[str, Any]:
    """The plain data of a device or server with what it leaves out filled in, links named by the catalogue written out.

    What it says stays. A link that it says as a mapping stands as it is.

    Raises:
        ValueError: the catalogue and it together do not say all that is needed, or there is no such link.
    """
    known, name = entries(), str(site.get("name"))
    devices = known["devices"]
    site = merge(_plain(merge(known["defaults"][role], devices.get(name, {}))), site)
    missing = [key for key in NEEDED if key not in site]
    if missing:
        itself = f"must say its {listed(missing)} itself"
        if name in devices:
            raise ValueError(f'the catalogue does not say all about "{name}", so it {itself}')
        near = near_miss(name, devices)
        raise ValueError(
            f'"{name}" is not in the catalogue{near} Otherwise it {itself}'
            if near
            else f'"{name}" is not in the catalogue ({listed(devices)}), so it {itself}'
        )
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


def figures(entry: Entry, *keys: str) -> Iterator[tuple[str, Figure]]:
    """The figures of an entry, each with its dotted key."""
    for key, value in entry.items():
        if isinstance(value, Figure):
            yield ".".join((*keys, key)), value
        else:
            yield from figures(value, *keys, key)


@cache
def _ours() -> dict[str, dict[str, Entry]]:
    with as_file(files("simulator") / "assets" / "catalogue.yaml") as path:
        return read(path)


def _tree(entry: Any) -> Any:
    """What a file says, without what it leaves out."""
    if isinstance(entry, Figure):
        return entry
    if isinstance(entry, BaseModel):
        entry = {key: getattr(entry, key) for key in type(entry).model_fields if key in entry.model_fields_set}
    return {key: _tree(value) for key, value in entry.items()}


def _plain(entry: Any) -> Any:
    return entry.value if isinstance(entry, Figure) else {key: _plain(value) for key, value in entry.items()}
