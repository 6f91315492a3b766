"""The part of a scenario that describes the world: devices, the server and their links, in SI units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    model_serializer,
    model_validator,
)

from simulator.scenario import hardware as catalogue
from simulator.scenario.edges import EdgeSettings, Tiers, arranged
from simulator.scenario.populations import population_problems
from simulator.scenario.sites import DeviceSettings, ServerSettings, ServingSettings, SiteSettings
from simulator.settings.base import Many, Settings, invalid
from simulator.settings.errors import ScenarioError
from simulator.settings.wording import listed, near_miss
from simulator.settings.yamlfile import KeyPath

if TYPE_CHECKING:
    from simulator.world.signals.base import Signal
else:
    Signal = Settings

SiteT = TypeVar("SiteT", bound=SiteSettings)


class WorldSettings(Settings):
    """The devices, the server, the edge servers between them, and their links."""

    provisioning: Literal["first_use", "preinstalled"] = "first_use"
    """Whether frozen weights are sent to a device when it first needs them, or are on it from the start."""
    on_oom: Literal["error", "skip", "ignore"] = "error"
    """What to do about devices whose memory is too small: refuse to run, never select them, or simulate them as if they
    had enough. A server whose memory is too small is refused unless this is `ignore`."""
    catalogue: str | None = Field(default=None, exclude=True)
    """A file with devices and links of your own, relative to the scenario's folder, else to the working directory. Its
    figures are filled into the devices and the server; the name of the file is not kept."""
    devices: Annotated[Many[DeviceSettings], Field(min_length=1)]
    """Groups of devices: those of a group are identical, but for what a population draws for each of them."""
    server: ServerSettings
    """The server."""
    edges: Many[EdgeSettings] = ()
    """Edge servers, through which the devices behind them reach the server; other devices reach it directly."""

    @property
    def clients(self) -> int:
        """The number of devices."""
        return sum(group.count for group in self.devices)

    @cached_property
    def tiers(self) -> Tiers:
        """Who is behind which edge."""
        return arranged(self.edges, self.devices)[0]

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Return a copy with other values, for which ``tiers`` is found anew."""
        twin = super().model_copy(update=update, deep=deep)
        twin.__dict__.pop("tiers", None)
        return twin

    def calm(self) -> Self:
        """Return the same world in which nothing goes wrong; itself if nothing does.

        Devices are always there, on mains, and never drop out, and the server is never away.
        """
        quiet: dict[str, Any] = {"presence": None, "battery": None, "dropout": {}}
        if self.server.outages is None and all(not getattr(group, key) for group in self.devices for key in quiet):
            return self
        devices = tuple(group.model_copy(update=quiet) for group in self.devices)
        return self.model_copy(update={"devices": devices, "server": self.server.model_copy(update={"outages": None})})

    def signals(self) -> Iterator[tuple[KeyPath, Signal]]:
        """Yield the signals of all links, each with its keys in the world."""
        sites: list[tuple[KeyPath, SiteSettings]] = [
            (("devices", index), group) for index, group in enumerate(self.devices)
        ]
        sites += [(("server",), self.server), *((("edges", index), edge) for index, edge in enumerate(self.edges))]
        links: list[tuple[KeyPath, Any]] = [
            ((*where, way), getattr(site, way)) for where, site in sites for way in catalogue.DIRECTIONS
        ]
        for index, edge in enumerate(self.edges):
            ways = catalogue.DIRECTIONS if edge.access else ()
            links += [(("edges", index, "access", way), getattr(edge.access, way)) for way in ways]
        for where, link in links:
            if link is not None and link.signal is not None:
                yield (*where, "signal"), link.signal

    def without_signals(self) -> Self:
        """Return the same world with links at their nominal rates all the time."""
        if not any(self.signals()):
            return self
        groups = tuple(_steady(group) for group in self.devices)
        edges = tuple(_steady(edge).steady() for edge in self.edges)
        return self.model_copy(update={"devices": groups, "server": _steady(self.server), "edges": edges})

    @model_serializer(mode="wrap")
    def _as_written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out edges where there are none."""
        data: dict[str, Any] = write(self)
        return {key: value for key, value in data.items() if value or key != "edges"}

    @model_validator(mode="after")
    def _tiers_hold(self) -> Self:
        """Refuse edges that are not arranged in tiers."""
        if self.edges and (problems := arranged(self.edges, self.devices)[1]):
            raise invalid(problems)
        return self

    @model_validator(mode="after")
    def _populations_hold(self) -> Self:
        """Refuse populations that cannot be told apart, and groups of which some say how many samples they have."""
        if problems := list(population_problems(self.devices)):
            raise invalid(problems)
        return self

    @model_validator(mode="after")
    def _named_groups_exist(self) -> Self:
        """Refuse a queue that names groups of devices which there are not."""
        known = [group.name for group in self.devices]
        serving: list[tuple[KeyPath, ServingSettings]] = [(("server",), self.server)]
        serving += [(("edges", index), edge) for index, edge in enumerate(self.edges)]
        for where, site in serving:
            missing = [name for name in site.queue.groups if name not in known]
            if missing:
                near = near_miss(missing[0], known)
                problem = f"{site.queue.name} names a group of devices that does not exist{near}"
                raise invalid([((*where, "queue"), listed(missing), problem, listed(dict.fromkeys(known)))])
        return self

    @model_validator(mode="wrap")
    @classmethod
    def _by_its_own_catalogue(cls, data: Any, handler: ModelWrapValidatorHandler[Self], info: ValidationInfo) -> Self:
        path = data.get("catalogue") if isinstance(data, dict) else None
        if not isinstance(path, str):
            return handler(data)
        try:
            with catalogue.joined(path, (info.context or {}).get("folder", "")):
                return handler(data | {"catalogue": None})
        except ScenarioError as error:
            raise invalid((("catalogue",), path, line, None) for line in str(error).splitlines()) from None


def _steady(site: SiteT) -> SiteT:
    links = {way: getattr(site, way).model_copy(update={"signal": None}) for way in catalogue.DIRECTIONS}
    return site.model_copy(update=links)
