"""The part of a scenario that describes the world: devices, the server and their links, in SI units."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, TypeVar

from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    PlainValidator,
    PositiveInt,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    WithJsonSchema,
    model_serializer,
    model_validator,
)

from simulator.accounting.seconds import read_table
from simulator.scenario import hardware as catalogue
from simulator.scenario.faults import BatterySettings, OutageSettings, Share
from simulator.scenario.hardware import Precision
from simulator.settings.base import Many, Settings, invalid
from simulator.settings.errors import ScenarioError
from simulator.settings.plugins import PRESENCES, QUEUES, SIGNALS
from simulator.settings.units import Bandwidth, Duration, Memory, MemoryBandwidth, Power, Rate
from simulator.settings.wording import listed
from simulator.settings.yamlfile import KeyPath

if TYPE_CHECKING:
    from simulator.scheduling.queues.base import Queue
    from simulator.world.presences.base import Presence
    from simulator.world.signals.base import Signal
else:  # loaded only when a scenario names one
    Presence = Queue = Signal = Settings

SecondsTable = Annotated[
    dict[str, Any],
    PlainValidator(read_table),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "array", "items": {"type": "array"}}}),
]
"""A table of measured seconds, as `accounting.seconds` defines it."""


class PowerSettings(Settings):
    """What a site draws in each state, in watts. What it draws above idle adds up when it sends while it computes."""

    idle: Power
    compute: Power
    upload: Power
    download: Power

    @model_validator(mode="before")
    @classmethod
    def _idle_by_default(cls, data: Any) -> Any:
        if isinstance(data, dict) and "idle" in data:
            return {"upload": data["idle"], "download": data["idle"]} | data
        return data


class LinkSettings(Settings):
    """One direction of a site's link."""

    rate: Bandwidth  # bytes/s
    latency: Duration = 0.0  # seconds
    signal: Annotated[Signal, SIGNALS] | None = None
    """How the rate varies in time, as a factor on it or in place of it; null if it does not."""
    loss: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of the bytes sent that do not arrive, and are sent again until they do."""

    @model_serializer(mode="wrap")
    def _as_written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out a signal and a loss that there are not."""
        data: dict[str, Any] = write(self)
        return {key: value for key, value in data.items() if value or key not in ("signal", "loss")}


class SiteSettings(Settings):
    """The hardware of a device or a server."""

    role: ClassVar[catalogue.Role]
    left_out: ClassVar[tuple[str, ...]] = ("table",)
    """The keys that are not written where they are empty."""
    name: str
    rate: dict[Precision, Rate]
    """Peak FLOP/s by precision; of a server, for each of its slots."""
    precision: Precision = "fp32"
    """The precision whose rate is used for the simulated time; it changes nothing else."""
    utilisation: Annotated[float, Field(gt=0, le=1)]
    """The share of the peak rate that is reached."""
    memory_bandwidth: MemoryBandwidth  # bytes/s
    memory: Memory  # bytes
    power: PowerSettings
    uplink: LinkSettings
    downlink: LinkSettings
    table: SecondsTable | None = None
    """Seconds measured by `sfsim calibrate`, by piece of work and number of samples. For the pieces in the table, they
    are used instead of the rates."""

    @property
    def flops_per_s(self) -> float:
        """The rate that is reached: the peak rate at its precision times the utilisation, in FLOP/s."""
        return self.rate[self.precision] * self.utilisation

    @model_validator(mode="before")
    @classmethod
    def _from_the_catalogue(cls, data: Any) -> Any:
        return catalogue.complete(data, cls.role) if isinstance(data, dict) and "name" in data else data

    @model_serializer(mode="wrap")
    def _as_written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is missing or empty."""
        data: dict[str, Any] = write(self)
        return {key: value for key, value in data.items() if key not in self.left_out or value}

    @model_validator(mode="after")
    def _has_a_rate(self) -> Self:
        if self.precision not in self.rate:
            raise invalid([(("precision",), self.precision, "it has no rate at this precision", listed(self.rate))])
        return self


class DeviceSettings(SiteSettings):
    """A group of identical devices."""

    role = "device"
    left_out = ("table", "presence", "battery", "dropout")
    count: PositiveInt = 1
    presence: Annotated[Presence, PRESENCES] | None = None
    """When these devices are there and when they are away; null: always there."""
    battery: BatterySettings | None = None
    """What these devices run on; null: without a battery."""
    dropout: dict[str, Share] = Field(default={})
    """The probability that a client drops out of its attempt when it enters a phase, by the phase as the ledger names
    it, such as {model exchange: 0.05, training: 0.1}. The device stays there, and can be selected again."""


class ServerSettings(SiteSettings):
    """The server."""

    role = "server"
    left_out = ("table", "outages")
    slots: PositiveInt = 1
    """The number of works that it serves at once, each at the full rate."""
    queue: Annotated[Queue, QUEUES] = Field(default={"name": "fifo"}, validate_default=True)
    """The order in which waiting works are served."""
    outages: OutageSettings | None = None
    """When the server is away; null: never."""


SiteT = TypeVar("SiteT", bound=SiteSettings)


class WorldSettings(Settings):
    """The devices, the server and their links."""

    provisioning: Literal["first_use", "preinstalled"] = "first_use"
    """Whether frozen weights are sent to a device when it first needs them, or are on it from the start."""
    on_oom: Literal["error", "skip", "ignore"] = "error"
    """What to do about devices whose memory is too small: refuse to run, never select them, or simulate them as if they
    had enough. A server whose memory is too small is refused unless this is `ignore`."""
    catalogue: str | None = Field(default=None, exclude=True)
    """A file with devices and links of your own, relative to the scenario's folder, else to the working directory. Its
    figures are filled into the devices and the server; the name of the file is not kept."""
    devices: Annotated[Many[DeviceSettings], Field(min_length=1)]
    server: ServerSettings

    @property
    def clients(self) -> int:
        """The number of devices."""
        return sum(group.count for group in self.devices)

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
        for where, site in [*sites, (("server",), self.server)]:
            for direction in catalogue.DIRECTIONS:
                signal = getattr(site, direction).signal
                if signal is not None:
                    yield (*where, direction, "signal"), signal

    def without_signals(self) -> Self:
        """Return the same world with links at their nominal rates all the time."""
        if not any(self.signals()):
            return self
        groups = tuple(_steady(group) for group in self.devices)
        return self.model_copy(update={"devices": groups, "server": _steady(self.server)})

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
