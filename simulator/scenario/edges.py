"""The part of a scenario that describes tiers: edge servers, and the devices and edges that are behind them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple

from pydantic import (
    PlainSerializer,
    PlainValidator,
    SerializerFunctionWrapHandler,
    WithJsonSchema,
    model_serializer,
    model_validator,
)

from simulator.scenario import hardware as catalogue
from simulator.scenario.sites import DeviceSettings, LinkSettings, ServingSettings
from simulator.settings.base import FolderName, Settings
from simulator.settings.bounds import Devices
from simulator.settings.wording import listed, near_miss
from simulator.settings.yamlfile import KeyPath

SERVER = "server"
"""The name of the server's site."""
Problem = tuple[KeyPath, Any, str, str | None]
"""What ``settings.base.invalid`` takes: keys in the world, the value, what is wrong, and what is allowed."""


def _members(value: Any) -> tuple[str, ...] | dict[str, int]:
    """Validate which devices are behind an edge: a list of groups, or a mapping from groups to numbers of devices."""
    if isinstance(value, list | tuple) and all(isinstance(name, str) for name in value):
        return tuple(value)
    if isinstance(value, dict) and all(isinstance(name, str) and _is_count(count) for name, count in value.items()):
        return dict(value)
    raise ValueError("it must be a list of groups of devices, or a mapping such as {raspberry-pi-4: 5}")


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


Members = Annotated[
    tuple[str, ...] | dict[str, int],
    PlainValidator(_members),
    PlainSerializer(lambda members: members if isinstance(members, dict) else list(members)),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}},
                {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}},
            ]
        }
    ),
]


class AccessSettings(Settings):
    """The medium that the devices directly behind an edge share, by direction."""

    uplink: LinkSettings | None = None
    """What they send crosses it; null: it has no limit."""
    downlink: LinkSettings | None = None
    """What they receive crosses it; null: it has no limit."""

    @model_validator(mode="before")
    @classmethod
    def _from_the_catalogue(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        return data | {way: catalogue.link(data[way], way) for way in catalogue.DIRECTIONS if data.get(way)}

    @model_serializer(mode="wrap")
    def _as_written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out a direction without a limit."""
        return {key: value for key, value in write(self).items() if value}


class EdgeSettings(ServingSettings):
    """A group of identical edge servers: each has devices, other edges, or both behind it."""

    left_out = (*ServingSettings.left_out, "devices", "behind", "access")
    label: FolderName = "edge"
    """Its sites are named by it: edge-0, edge-1 and so on; entries with the same label share one numbering."""
    count: Devices = 1
    """How many there are; the devices of the entry are assigned to them in turn, in the order of the world."""
    devices: Members = ()
    """Which devices are behind them: a list of groups, with all their devices that no mapping takes, or a mapping from
    a group to how many of its devices."""
    behind: str | None = None
    """The edge that they are behind themselves, by its name, or by its label where that has only one; null: the
    server."""
    access: AccessSettings | None = None
    """The medium that the devices of each of them share; null: it has no limit."""

    def steady(self) -> EdgeSettings:
        """Return the same edges whose shared medium has its nominal rate all the time."""
        if self.access is None:
            return self
        links = {way: getattr(self.access, way) for way in catalogue.DIRECTIONS}
        steady = {way: link and link.model_copy(update={"signal": None}) for way, link in links.items()}
        return self.model_copy(update={"access": self.access.model_copy(update=steady)})


class Tiers(NamedTuple):
    """Who is behind whom.

    Attributes:
        entries: the index of the entry of each edge, by the edge's name.
        above: the edge, or the server, that each edge is behind, by the edge's name.
        devices: the edge that each device is behind, by the device's name; a device that is behind none is left out.
    """

    entries: Mapping[str, int]
    above: Mapping[str, str]
    devices: Mapping[str, str]

    def branch(self, edge: str) -> list[str]:
        """Return an edge and those that it is behind, from below to above."""
        names = [edge]
        while self.above[names[-1]] != SERVER:
            names.append(self.above[names[-1]])
        return names


def numbered(groups: Iterable[tuple[str, int]]) -> Iterator[tuple[str, int]]:
    """Yield the name of each site, such as "jetson-nano-0", and the index of its group.

    Args:
        groups: the name of each group, and how many sites it has; groups of the same name share one numbering.
    """
    numbers: Counter[str] = Counter()
    for index, (name, count) in enumerate(groups):
        first = numbers[name]
        for number in range(first, first + count):
            yield f"{name}-{number}", index
        numbers[name] += count


def arranged(edges: Sequence[EdgeSettings], groups: Sequence[DeviceSettings]) -> tuple[Tiers, list[Problem]]:
    """Return who is behind whom, and what is wrong with it.

    Args:
        edges: the entries of edges.
        groups: the groups of devices.
    """
    if not edges:
        return Tiers({}, {}, {}), []
    entries = dict(numbered((edge.label, edge.count) for edge in edges))
    problems = list(_taken_names(edges, groups))
    above = _above(edges, entries, problems)
    devices = _dealt(edges, groups, entries, problems)
    if not problems:
        used = {*above.values(), *devices.values()}
        for name in entries:
            if name not in used:
                problem = f"nothing is behind {name}: no device, and no other edge"
                problems.append((("edges", entries[name], "devices"), None, problem, "more devices, or fewer edges"))
                break
    return Tiers(entries, above, devices), problems


def _taken_names(edges: Sequence[EdgeSettings], groups: Sequence[DeviceSettings]) -> Iterator[Problem]:
    """Yield a problem for each edge that is named like other sites."""
    names = {group.name for group in groups}
    for index, edge in enumerate(edges):
        if edge.label in names or edge.label == SERVER:
            whose = "the server" if edge.label == SERVER else "a group of devices"
            yield ("edges", index, "label"), edge.label, f"it is the name of {whose}", "another label"


def _above(edges: Sequence[EdgeSettings], entries: Mapping[str, int], problems: list[Problem]) -> dict[str, str]:
    """Return what each edge is behind, by name; what is wrong is added to the problems."""
    above: dict[str, str] = {}
    sites = _by_entry(entries)
    for index, edge in enumerate(edges):
        behind = SERVER
        if edge.behind is not None:
            named = [name for at, other in enumerate(edges) if other.label == edge.behind for name in sites[at]]
            candidates = [edge.behind] if edge.behind in entries else named
            if len(candidates) == 1:
                behind = candidates[0]
            else:
                near = near_miss(edge.behind, entries)
                problem = "it is the label of several edges" if candidates else f"there is no such edge{near}"
                allowed = f"{listed(candidates or entries)}, or null for the server"
                problems.append((("edges", index, "behind"), edge.behind, problem, allowed))
        above |= dict.fromkeys(sites[index], behind)
    if circle := _circle(above):
        words = " behind ".join([*circle, circle[0]])
        where = ("edges", entries[circle[0]], "behind")
        problems.append((where, above[circle[0]], f"the edges form a circle: {words}", None))
    return above


def _circle(above: Mapping[str, str]) -> list[str]:
    """Return the names of edges that are behind each other in a circle; empty if there is none."""
    seen: set[str] = set()  # they lead to no circle
    for name in above:
        chain = [name]
        while (following := above.get(chain[-1])) is not None and following not in seen:
            if following in chain:
                return chain[chain.index(following) :]
            chain.append(following)
        seen.update(chain)
    return []


def _by_entry(entries: Mapping[str, int]) -> dict[int, list[str]]:
    """Return the names of the edges of each entry, by the index of the entry."""
    sites: dict[int, list[str]] = defaultdict(list)
    for name, index in entries.items():
        sites[index].append(name)
    return sites


def _dealt(
    edges: Sequence[EdgeSettings],
    groups: Sequence[DeviceSettings],
    entries: Mapping[str, int],
    problems: list[Problem],
) -> dict[str, str]:
    """Return the edge that each device is behind, by name; what is wrong is added to the problems."""
    order = [(name, groups[index].name) for name, index in numbered((group.name, group.count) for group in groups)]
    left: dict[str, list[str]] = {group.name: [] for group in groups}
    for name, group in order:
        left[group].append(name)
    counts = {group: len(names) for group, names in left.items()}
    entry_of: dict[str, int] = {}

    def take(index: int, key: KeyPath, group: str, number: int | None) -> None:
        where = ("edges", index, "devices", *key)
        if group not in left:
            near = near_miss(group, left)
            problems.append((where, group, f"there is no such group of devices{near}", listed(left)))
        elif number is None and not left[group]:
            problem = "all its devices are behind edges already, and a device is behind one"
            problems.append((where, group, problem, None))
        elif number is not None and number > len(left[group]):
            taken = counts[group] - len(left[group])
            problem = f"{group} has {counts[group]} devices" + (
                f", of which {taken} are behind others" if taken else ""
            )
            problems.append((where, number, problem, f"at most {len(left[group])}" if left[group] else None))
        else:
            entry_of.update(dict.fromkeys(left[group][:number], index))
            left[group] = [] if number is None else left[group][number:]

    for index, edge in enumerate(edges):  # numbers first, so that a list is of what they leave
        if isinstance(edge.devices, dict):
            for group, number in edge.devices.items():
                take(index, (group,), group, number)
    for index, edge in enumerate(edges):
        if not isinstance(edge.devices, dict):
            for at, group in enumerate(edge.devices):
                take(index, (at,), group, None)
    members: dict[int, list[str]] = defaultdict(list)
    for name, _ in order:
        if name in entry_of:
            members[entry_of[name]].append(name)
    return {
        name: own[turn % len(own)]
        for index, own in _by_entry(entries).items()
        for turn, name in enumerate(members[index])
    }
