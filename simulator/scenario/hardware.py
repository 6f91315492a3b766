"""The hardware catalogue, which fills in what a scenario leaves out about the devices, servers and links it names.

The figures are in `assets/catalogue.yaml`, each with its mark, its source and a date. A user's own file has the same
form. Its figures may be plain values without a mark, and take precedence over ours.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, PlainValidator, TypeAdapter

from simulator.accounting.seconds import read_efficiency, read_table
from simulator.settings.base import Settings, invalid
from simulator.settings.loading import FileSettings, read_settings
from simulator.settings.merging import merge
from simulator.settings.units import BANDWIDTH, DURATION, MEMORY, MEMORY_BANDWIDTH, POWER, RATE
from simulator.settings.wording import listed, near_miss

Role = Literal["device", "server"]
Precision = Literal["fp32", "fp16", "bf16"]
Mark = Literal["measured", "fitted", "nominal", "derived", "recalled", "assumed"]
NEEDED = ("rate", "memory_bandwidth", "memory", "power")
"""The keys that a device or server must give itself if the catalogue does not."""
DIRECTIONS = ("uplink", "downlink")
Entry = dict[str, Any]
"""A tree of mappings with figures at the leaves."""


class Figure(Settings):
    """One figure of the catalogue, written as in a scenario, and where it comes from."""

    value: Any
    mark: Mark | None = None
    source: str = ""
    date: str = ""
    """The date of the source, or when it was looked up."""


def _figure(read: Callable[[Any], object]) -> PlainValidator:
    """Return a validator of a figure, or of its value alone, which `read` must be able to read."""

    def validate(data: Any) -> Figure:
        figure = Figure.model_validate(data if isinstance(data, dict) else {"value": data})
        try:
            read(figure.value)
        except ValueError as error:
            raise invalid([((), figure.value, str(error), None)]) from None
        return figure

    return PlainValidator(validate)


def _truth(value: Any) -> None:
    """Raise ``ValueError`` unless a value is true or false."""
    if not isinstance(value, bool):
        raise ValueError("it must be true or false")


def _name(value: Any) -> None:
    """Raise ``ValueError`` unless a value is text."""
    if not isinstance(value, str):
        raise ValueError("it must be the name of a device of the catalogue")


def _share(value: Any) -> None:
    """Raise ``ValueError`` unless a value is a share: more than 0, and at most 1."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise ValueError("it must be a number, more than 0 and at most 1")


def _shares(data: Any) -> Figure | dict[Precision, Figure]:
    """Return one figure, or one for each precision, from a mapping by precision."""
    if isinstance(data, dict) and "value" not in data:
        return _Shares.validate_python(data)
    return _Share.validate_python(data)


def _link(data: Any) -> Figure | LinkFigures:
    """Return a figure with the name of a link, or the figures of a link that is given as a mapping."""
    if isinstance(data, dict) and "value" not in data:
        return LinkFigures.model_validate(data)
    name = Figure.model_validate(data if isinstance(data, dict) else {"value": data})
    if not isinstance(name.value, str):
        raise invalid([((), name.value, "it must be the name of a link, or a mapping with a rate", None)])
    return name


_Share = TypeAdapter(Annotated[Figure, _figure(_share)])
_Shares = TypeAdapter(dict[Precision, Annotated[Figure, _figure(_share)]])


class LinkFigures(Settings):
    """One direction of a link in the catalogue."""

    rate: Annotated[Figure, _figure(BANDWIDTH.parse)]
    latency: Annotated[Figure | None, _figure(DURATION.parse)] = None


class PairFigures(Settings):
    """Both directions of a link in the catalogue."""

    uplink: LinkFigures
    downlink: LinkFigures


class PowerFigures(Settings):
    """What a device or server draws in each state."""

    idle: Annotated[Figure | None, _figure(POWER.parse)] = None
    compute: Annotated[Figure | None, _figure(POWER.parse)] = None
    upload: Annotated[Figure | None, _figure(POWER.parse)] = None
    download: Annotated[Figure | None, _figure(POWER.parse)] = None


class SiteFigures(Settings):
    """A device or a server in the catalogue; the scenario must give what an entry leaves out."""

    rate: dict[Precision, Annotated[Figure, _figure(RATE.parse)]] = Field(default={})
    utilisation: Annotated[Figure | dict[Precision, Figure] | None, PlainValidator(_shares)] = None
    memory_bandwidth: Annotated[Figure | None, _figure(MEMORY_BANDWIDTH.parse)] = None
    memory: Annotated[Figure | None, _figure(MEMORY.parse)] = None
    power: PowerFigures = PowerFigures()
    table: Annotated[Figure | None, _figure(read_table)] = None
    batch_efficiency: Annotated[Figure | None, _figure(read_efficiency)] = None
    copies: Annotated[Figure | None, _figure(_truth)] = None
    uplink: Annotated[Figure | LinkFigures | None, PlainValidator(_link)] = None
    downlink: Annotated[Figure | LinkFigures | None, PlainValidator(_link)] = None


class CatalogueFile(FileSettings):
    """A file of the catalogue: defaults by role, and devices and links by name.

    Attributes:
        generic: names for kinds of devices, such as "phone"; the value of each is the device that it stands for.
    """

    defaults: dict[Role, SiteFigures] = Field(default={})
    devices: dict[str, SiteFigures] = Field(default={})
    generic: dict[str, Annotated[Figure, _figure(_name)]] = Field(default={})
    links: dict[str, PairFigures] = Field(default={})


_own: ContextVar[Entry | None] = ContextVar("_own", default=None)


def entries() -> dict[str, dict[str, Entry]]:
    """Return the catalogue: `defaults` by role, `devices`, `generic` and `links` by name; within `joined`, with the
    user's own.

    A generic name is among the devices, too, with the figures of the device that it stands for, unless the user's own
    file has a device of this name.

    Raises:
        ValueError: a generic name of the user's stands for a device that there is not.
    """
    known: dict[str, dict[str, Entry]] = merge(_ours(), _own.get() or {})
    devices = dict(known["devices"])
    for name, meant in known["generic"].items():
        if name not in known["devices"]:
            devices[name] = known["devices"][_device_meant(name, meant, known["devices"])]
    return known | {"devices": devices}


def stands_for(name: str) -> str | None:
    """Return the device that a generic name stands for; None for a name that is none."""
    known = merge(_ours(), _own.get() or {})
    return None if name in known["devices"] or name not in known["generic"] else str(known["generic"][name].value)


def read(path: Path | str) -> dict[str, dict[str, Entry]]:
    """Return the entries of one file.

    Raises:
        ScenarioError: the file is wrong; a line for each problem, with the file, the line, the entry and the key.
    """
    return _tree(read_settings(CatalogueFile, path))


@contextmanager
def joined(path: str, folder: Path | str = "") -> Iterator[None]:
    """Give the entries of a user's file precedence over ours, within this context.

    Args:
        path: the file, relative to `folder` or, if it is not there, to the working directory.
        folder: the folder of the scenario that names the file.

    Raises:
        ScenarioError: the file is wrong; a line for each problem.
    """
    beside_scenario = os.path.join(folder, os.path.expanduser(path))
    token = _own.set(read(beside_scenario if os.path.exists(beside_scenario) or not os.path.exists(path) else path))
    try:
        yield
    finally:
        _own.reset(token)


def complete(site: dict[str, Any], role: Role) -> dict[str, Any]:
    """Return the plain data of a device or server, with what it leaves out filled in from the catalogue.

    What it gives is kept. Links that it names are written out; a link given as a mapping stays as it is. `link: null`
    in such a mapping starts from the link that the site has if it gives none.

    Args:
        site: the plain data, with a name.
        role: which defaults are filled in.

    Raises:
        ValueError: something needed is neither in the data nor in the catalogue, or there is no such link.
    """
    known, name = entries(), str(site.get("name"))
    devices = known["devices"]
    usual = _plain(merge(known["defaults"][role], devices.get(name, {})))
    named = {key: site[key] for key in DIRECTIONS if isinstance(site.get(key), dict) and "link" in site[key]}
    site = site | {direction: _changed(given, usual[direction], direction) for direction, given in named.items()}
    site = merge(usual, site)
    missing = [key for key in NEEDED if key not in site]
    if missing:
        itself = f"must give its {listed(missing)} itself"
        if name in devices:
            raise ValueError(f'the catalogue does not have all figures of "{name}", so it {itself}')
        near = near_miss(name, devices)
        raise ValueError(
            f'"{name}" is not in the catalogue{near} Otherwise it {itself}'
            if near
            else f'"{name}" is not in the catalogue ({listed(devices)}), so it {itself}'
        )
    return site | {direction: link(site[direction], direction) for direction in DIRECTIONS}


def link(given: Any, direction: str) -> Any:
    """Return one direction of the link named `given`; a link given as a mapping is returned as it is.

    A mapping with the key `link` names a link, and adds to it or replaces what it says.

    Raises:
        ValueError: there is no such link.
    """
    where: tuple[str, ...] = (direction,)
    added: dict[str, Any] = {}
    if isinstance(given, dict) and "link" in given:
        added = {key: value for key, value in given.items() if key != "link"}
        where, given = (direction, "link"), given["link"]
    elif not isinstance(given, str):
        return given
    known = entries()["links"]
    if not isinstance(given, str) or given not in known:
        problem = f"there is no such link in the catalogue{near_miss(given, known)}"
        raise invalid([(where, given, problem, f"{listed(known)}, or a mapping with a rate")])
    return _plain(known[given][direction]) | added


def _changed(given: dict[str, Any], usual: Any, direction: str) -> Any:
    """Return the link that a mapping with the key `link` names and changes; null stands for the usual link."""
    if given["link"] is not None:
        return link(given, direction)
    return link(usual, direction) | {key: value for key, value in given.items() if key != "link"}


def figures(entry: Entry, *keys: str) -> Iterator[tuple[str, Figure]]:
    """Yield the figures of an entry, each with its dotted key, which starts with `keys`."""
    for key, value in entry.items():
        if isinstance(value, Figure):
            yield ".".join((*keys, key)), value
        else:
            yield from figures(value, *keys, key)


def _device_meant(name: str, meant: Any, devices: dict[str, Entry]) -> str:
    if meant.value not in devices:
        raise ValueError(
            f'the generic name "{name}" stands for "{meant.value}", which is not in the catalogue'
            f"{near_miss(meant.value, devices)}"
        )
    return str(meant.value)


@cache
def _ours() -> dict[str, dict[str, Entry]]:
    with as_file(files("simulator") / "assets" / "catalogue.yaml") as path:
        return read(path)


def _tree(entry: Any) -> Any:
    """Return an entry as nested mappings, without the keys that its file leaves out."""
    if isinstance(entry, Figure):
        return entry
    if isinstance(entry, BaseModel):
        entry = {key: getattr(entry, key) for key in type(entry).model_fields if key in entry.model_fields_set}
    return {key: _tree(value) for key, value in entry.items()}


def _plain(entry: Any) -> Any:
    """Return an entry with the values of its figures in their place."""
    return entry.value if isinstance(entry, Figure) else {key: _plain(value) for key, value in entry.items()}
