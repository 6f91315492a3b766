"""The part of a scenario that describes sites: devices and servers with their links and what they draw, in SI units."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import (
    Discriminator,
    Field,
    PlainValidator,
    SerializerFunctionWrapHandler,
    Tag,
    TypeAdapter,
    WithJsonSchema,
    model_serializer,
    model_validator,
)

from simulator.accounting.seconds import read_efficiency, read_table
from simulator.scenario import hardware as catalogue
from simulator.scenario.faults import BatterySettings, OutageSettings, Share
from simulator.scenario.hardware import Precision
from simulator.scenario.population import PopulationSettings
from simulator.settings import bounds
from simulator.settings.base import CASE, Settings, invalid
from simulator.settings.bounds import MOST_DEVICES, Devices, Loss
from simulator.settings.plugins import PRESENCES, QUEUES, SIGNALS
from simulator.settings.units import Bandwidth, Duration, Memory, MemoryBandwidth, Power, Rate
from simulator.settings.wording import listed

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


SHARE = TypeAdapter(bounds.Share).json_schema()
Utilisation = Annotated[
    Annotated[bounds.Share, Tag(CASE + "one")] | Annotated[dict[Precision, bounds.Share], Tag(CASE + "each")],
    Discriminator(lambda given: CASE + ("each" if isinstance(given, dict) else "one")),
    WithJsonSchema({"anyOf": [SHARE, {"type": "object", "additionalProperties": SHARE}]}),
]
"""The share of the peak rate that is reached: one number, or one for each precision."""
Efficiency = Annotated[
    Any,
    PlainValidator(read_efficiency),
    WithJsonSchema({"type": "array", "items": {"type": "array", "minItems": 2, "maxItems": 2}}),
]
"""The share of the best rate by the number of samples, as `accounting.seconds` defines it."""


class PowerSettings(Settings):
    """What a site draws in each state, in watts. What it draws above idle adds up when it sends while it computes."""

    idle: Power
    """While it waits."""
    compute: Power
    """While it computes in one slot; each further slot that computes adds the difference to idle."""
    upload: Power
    """While it sends; as when idle, if left out."""
    download: Power
    """While it receives; as when idle, if left out."""

    @model_validator(mode="before")
    @classmethod
    def _idle_by_default(cls, data: Any) -> Any:
        if isinstance(data, dict) and "idle" in data:
            return {"upload": data["idle"], "download": data["idle"]} | data
        return data


class LinkSettings(Settings):
    """One direction of a site's link."""

    rate: Bandwidth  # bytes/s
    """How much it carries in a second: what a transfer really gets, headers left out."""
    latency: Duration = 0.0  # seconds
    """How long a payload takes to cross the link, in addition to the time for its bytes."""
    signal: Annotated[Signal, SIGNALS] | None = None
    """How the rate varies in time, as a factor on it or in place of it; null if it does not."""
    loss: Loss = 0.0
    """The share of the bytes sent that do not arrive, and are sent again until they do."""

    @model_serializer(mode="wrap")
    def _as_written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out a signal and a loss that there are not."""
        data: dict[str, Any] = write(self)
        return {key: value for key, value in data.items() if value or key not in ("signal", "loss")}


class SiteSettings(Settings):
    """The hardware of a device or a server."""

    role: ClassVar[catalogue.Role]
    left_out: ClassVar[tuple[str, ...]] = ("table", "batch_efficiency", "copies")
    """The keys that are not written where they are empty."""
    name: str
    """Its name: one of the catalogue, which fills what is left out, or one of your own."""
    rate: dict[Precision, Rate]
    """Peak FLOP/s by precision; of a server, for each of its slots."""
    precision: Precision = "fp32"
    """The precision of the simulated time: it chooses the rate and the utilisation, and the bytes of a number. It
    changes nothing else: neither what is computed nor what is sent."""
    utilisation: Utilisation
    """The share of the peak rate that matrix products reach: one number, or one for each precision."""
    memory_bandwidth: MemoryBandwidth  # bytes/s
    """The bandwidth that memory-bound operations reach, such as norms and activations."""
    copies: bool = False
    """Whether convolutions copy their operands first, into columns and into another layout: on processors."""
    memory: Memory  # bytes
    """What models, activations and optimizer state must fit into."""
    power: PowerSettings
    """What it draws in each state."""
    uplink: LinkSettings
    """The link by which it sends: a link of the catalogue by its name, or its figures."""
    downlink: LinkSettings
    """The link by which it receives."""
    table: SecondsTable | None = None
    """Seconds measured by `sfsim calibrate`, by piece of work and number of samples. For the pieces in the table, they
    are used instead of the rates."""
    batch_efficiency: Efficiency | None = None
    """The share of the best rate that is reached, by the number of samples in a pass, such as [[1, 0.3], [32, 1]]. It
    counts only for works that share a pass (batching); a table of seconds takes precedence."""

    @property
    def flops_per_s(self) -> float:
        """The rate that is reached: the peak rate at its precision times the utilisation, in FLOP/s."""
        return self.rate[self.precision] * self.utilised

    @property
    def utilised(self) -> float:
        """The share of the peak rate that is reached at its precision."""
        shares = self.utilisation
        return shares[self.precision] if isinstance(shares, dict) else shares

    @property
    def width(self) -> float:
        """The bytes of a number at its precision, over the four that costs are counted with."""
        return 1.0 if self.precision == "fp32" else 0.5

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
        if isinstance(self.utilisation, dict) and self.precision not in self.utilisation:
            problem = "it has no utilisation at this precision"
            raise invalid([(("precision",), self.precision, problem, listed(self.utilisation))])
        return self


class DeviceSettings(SiteSettings):
    """A group of devices: identical, but for what a population draws for each of them."""

    role = "device"
    left_out = (*SiteSettings.left_out, "presence", "battery", "dropout", "population")
    count: Devices = 1
    """How many devices the group has."""
    presence: Annotated[Presence, PRESENCES] | None = None
    """When these devices are there and when they are away; null: always there."""
    battery: BatterySettings | None = None
    """What these devices run on; null: without a battery."""
    dropout: dict[str, Share] = Field(default={})
    """The probability that a client drops out of its attempt when it enters a phase, by the phase as the ledger names
    it, such as {model exchange: 0.05, training: 0.1}. The device stays there, and can be selected again."""
    population: PopulationSettings | None = None
    """Distributions of figures that differ from device to device; null: all have the group's."""

    @model_validator(mode="after")
    def _rates_are_looked_at(self) -> Self:
        if self.population is not None and self.population.rate is not None and self.table:
            problem = "the group has a table of measured seconds, which are used instead of rates"
            raise invalid([(("population", "rate"), None, problem, "one of the two")])
        return self


class BatchingSettings(Settings):
    """How works of several clients share a pass: the same computation with the same frozen weights.

    What is computed stays the same; the pass takes as long as the site's `table` or `batch_efficiency` says, and each
    work is charged its part. Where there is neither, nothing is gained.
    """

    most: Annotated[int, Field(ge=2, le=MOST_DEVICES)]
    """How many works may share a pass."""
    wait: Duration = 0.0
    """How long a work waits for others to share a pass with, while a slot is free."""


class ServingSettings(SiteSettings):
    """A site that serves the works of many clients, which may have to wait there: the server, or an edge server."""

    role = "server"
    left_out = (*SiteSettings.left_out, "batching")
    gpus: Devices = 1
    """The number of its GPUs. Rate, memory and power are those of one of them."""
    slots: Devices = 1
    """The number of works that each of its GPUs serves at once, each at the full rate."""
    queue: Annotated[Queue, QUEUES] = Field(default={"name": "fifo"}, validate_default=True)
    """The discipline: the order in which waiting works are served."""
    batching: BatchingSettings | None = None
    """Which works of several clients share a pass; null: none do."""

    @model_validator(mode="after")
    def _passes_are_not_interrupted(self) -> Self:
        if self.batching is not None and (self.queue.shares or self.queue.preempts):
            why = "serves all works at once" if self.queue.shares else "interrupts works one by one"
            problem = f"{self.queue.name} {why}, so that none wait to share a pass"
            raise invalid([(("batching",), None, problem, "null, or another queue")])
        return self


class ServerSettings(ServingSettings):
    """The server."""

    left_out = (*ServingSettings.left_out, "outages")
    outages: OutageSettings | None = None
    """When the server is away; null: never."""
