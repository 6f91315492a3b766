"""The part of a scenario that describes the world: devices, the server, and their links. SI units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

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
from simulator.scenario.hardware import Precision
from simulator.settings.base import Many, Settings, invalid
from simulator.settings.errors import ScenarioError
from simulator.settings.plugins import QUEUES
from simulator.settings.units import Bandwidth, Duration, Memory, MemoryBandwidth, Power, Rate
from simulator.settings.wording import listed

if TYPE_CHECKING:
    from simulator.scheduling.queues.base import Queue
else:  # found when a scenario names one
    Queue = Settings

SecondsTable = Annotated[
    dict[str, Any],
    PlainValidator(read_table),
    WithJsonSchema({"type": "object", "additionalProperties": {"type": "array", "items": {"type": "array"}}}),
]
"""A table of measured seconds, as `accounting.seconds` has it."""


class PowerSettings(Settings):
    """What a site draws, in watts, in each state; a site that sends while it computes draws both above idle."""

    idle: Power
    compute: Power
    upload: Power
    download: Power

    @model_validator(mode="before")
    @classmethod
    def _idle_where_not_said(cls, data: Any) -> Any:
        if isinstance(data, dict) and "idle" in data:
            return {"upload": data["idle"], "download": data["idle"]} | data
        return data


class LinkSettings(Settings):
    """One direction of a site's own link."""

    rate: Bandwidth  # bytes/s
    latency: Duration = 0.0  # seconds


class SiteSettings(Settings):
    """The hardware of a device or a server."""

    role: ClassVar[catalogue.Role]
    name: str
    rate: dict[Precision, Rate]
    """Peak FLOP/s by precision; of a server, for each of its slots."""
    precision: Precision = "fp32"
    """Which of the rates it computes at; nothing else."""
    utilisation: Annotated[float, Field(gt=0, le=1)]
    """The share of the peak rate that is reached."""
    memory_bandwidth: MemoryBandwidth  # bytes/s
    memory: Memory  # bytes
    power: PowerSettings
    uplink: LinkSettings
    downlink: LinkSettings
    table: SecondsTable | None = None
    """Measured by `sfsim calibrate`: of pieces of work, the seconds they take by the number of samples. What is in it
    counts, whatever the rates say."""

    @property
    def flops_per_s(self) -> float:
        """The rate that is reached, in FLOP/s."""
        return self.rate[self.precision] * self.utilisation

    @model_validator(mode="before")
    @classmethod
    def _from_the_catalogue(cls, data: Any) -> Any:
        return catalogue.complete(data, cls.role) if isinstance(data, dict) and "name" in data else data

    @model_serializer(mode="wrap")
    def _as_written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without a table where there is none."""
        data: dict[str, Any] = write(self)
        return {key: value for key, value in data.items() if key != "table" or value}

    @model_validator(mode="after")
    def _has_a_rate(self) -> Self:
        if self.precision not in self.rate:
            raise invalid([(("precision",), self.precision, "it has no rate at this precision", listed(self.rate))])
        return self


class DeviceSettings(SiteSettings):
    """A group of equal devices."""

    role = "device"
    count: PositiveInt = 1


class ServerSettings(SiteSettings):
    """The server."""

    role = "server"
    slots: PositiveInt = 1
    """How many works it serves at once, each at the full rate."""
    queue: Annotated[Queue, QUEUES] = Field(default={"name": "fifo"}, validate_default=True)
    """Which waiting work it serves next."""


class WorldSettings(Settings):
    """Who takes part, and over which links."""

    provisioning: Literal["first_use", "preinstalled"] = "first_use"
    """Whether frozen weights are sent to a device when it is first chosen, or are there from the start."""
    on_oom: Literal["error", "skip", "ignore"] = "error"
    """What to do about devices whose memory is too small: refuse to run, never choose them, or count as if they had
    enough. A server that is too small is refused unless this is `ignore`."""
    catalogue: str | None = Field(default=None, exclude=True)
    """A file of devices and links of one's own: from the scenario's folder, else from the working directory. What it
    says is written into devices and server, and its name is forgotten."""
    devices: Annotated[Many[DeviceSettings], Field(min_length=1)]
    server: ServerSettings

    @property
    def clients(self) -> int:
        """How many devices there are."""
        return sum(group.count for group in self.devices)

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
