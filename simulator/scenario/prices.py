"""The part of a scenario that says what things cost: prices, in USD."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import PlainSerializer, PlainValidator, SerializerFunctionWrapHandler, WithJsonSchema, model_serializer

from simulator.accounting.prices import Prices
from simulator.settings.base import Settings, invalid, refuse_unknown
from simulator.settings.units import BYTE_PRICE, ENERGY_PRICE, BytePrice, HourPrice, Quantity
from simulator.settings.wording import listed, near_miss

ROLES = {"server": "server", "edges": "edge", "devices": "device"}
"""The places that a scenario names, with the roles of their sites in the ledger."""


def by_name(quantity: Quantity, names: Iterable[str] | None = None) -> tuple[Any, ...]:
    """Return what validates one figure, or a mapping of names to figures, and writes either.

    Args:
        quantity: the kind of quantity.
        names: the names that a mapping may have; None: any.
    """
    names = None if names is None else tuple(names)

    def read(value: Any) -> float | dict[str, float]:
        if not isinstance(value, dict):
            return quantity.parse(value)
        if names is not None:
            refuse_unknown(value, names)
        figures, problems = {}, []
        for name, text in value.items():
            try:
                figures[name] = quantity.parse(text)
            except ValueError as error:
                problems.append(((name,), text, str(error), None))
        if problems:
            raise invalid(problems)
        return figures

    def write(value: float | dict[str, float]) -> str | dict[str, str]:
        if isinstance(value, dict):
            return {name: quantity.format(figure) for name, figure in value.items()}
        return quantity.format(value)

    figure = quantity.json_schema()
    mapping: dict[str, Any] = {"type": "object", "additionalProperties": figure}
    if names is not None:
        mapping = {"type": "object", "additionalProperties": False, "properties": dict.fromkeys(names, figure)}
    return PlainValidator(read), PlainSerializer(write), WithJsonSchema({"anyOf": [figure, mapping]})


def by_role(figures: float | dict[str, float]) -> dict[str, float]:
    """Return figures by the roles of sites, from one figure for all of them or those of the places that have one."""
    if isinstance(figures, dict):
        return {ROLES[place]: figure for place, figure in figures.items()}
    return dict.fromkeys(ROLES.values(), figures)


class PriceSettings(Settings):
    """What GPUs, traffic and electricity cost. What has no price costs nothing."""

    gpu: HourPrice = 0.0
    """The price of each GPU of the server."""
    edge_gpu: HourPrice = 0.0
    """The price of each GPU of the edge servers."""
    billing: Literal["held", "used"] = "held"
    """Whether GPUs are paid for the whole trial, idle or not (rented machines), or for the seconds in which they
    compute (serverless)."""
    egress: BytePrice = 0.0
    """The price of what the server sends. 1 GB is 10^9 bytes."""
    ingress: BytePrice = 0.0
    """The price of what the server receives."""
    cellular: Annotated[float | dict[str, float], *by_name(BYTE_PRICE)] = 0.0
    """The price of what devices send and receive: one price, or one for each group of devices by its name; groups that
    are not named pay nothing."""
    electricity: Annotated[float | dict[str, float], *by_name(ENERGY_PRICE, ROLES)] = 0.0
    """The price of electricity: one, or one each for the server, the edges and the devices; a place that is not named
    pays nothing."""

    @model_serializer(mode="wrap")
    def _as_written(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what costs nothing."""
        return {key: value for key, value in write(self).items() if getattr(self, key)}

    def unknown_groups(self, groups: Sequence[str]) -> Iterator[tuple[tuple[str, ...], None, str, str]]:
        """Yield a problem for each group of devices that has a price and is not among these, as `invalid` takes it."""
        for name in self.cellular if isinstance(self.cellular, dict) else ():
            if name not in groups:
                problem = f"the world has no such group of devices{near_miss(name, groups)}"
                yield ("prices", "cellular", name), None, problem, listed(dict.fromkeys(groups))

    def prices(self, groups: Iterable[str]) -> Prices:
        """Return the prices as the ledger's bill needs them.

        Args:
            groups: the names of the groups of devices.
        """
        cellular = self.cellular if isinstance(self.cellular, dict) else dict.fromkeys(groups, self.cellular)
        gpu, held = {"server": self.gpu, "edge": self.edge_gpu}, self.billing == "held"
        return Prices(gpu, held, self.egress, self.ingress, cellular, by_role(self.electricity))
