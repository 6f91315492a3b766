"""Payloads that are encoded before they are sent and decoded when they have arrived: both are works, and are paid."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from simulator.accounting.costs import Cost, work
from simulator.accounting.payload import Frozen
from simulator.learning.compression.base import FLOAT_BYTES, Compressor
from simulator.learning.data.lazy import LazyBatch
from simulator.learning.trees import leaves, transform

if TYPE_CHECKING:
    from simulator.world.clients import Client
    from simulator.world.sites import Site

Steps = Generator[Any, Any, Any]
Tree = Any
"""Tensors and numbers in dicts, lists and tuples."""


class _Known(NamedTuple):
    """Of one shape: the prices, bytes of what is sent and of the values, and blanks of both on ``meta``."""

    encode: Cost
    decode: Cost
    sent_bytes: int
    value_bytes: int
    sent: dict[str, Tensor]
    values: Tensor


class Coded:
    """Encoded by the sender, decoded by the receiver. Integer tensors and numbers go as they are."""

    def __init__(self, compressor: Compressor) -> None:
        self.compressor = compressor
        self._shapes: dict[torch.Size, _Known] = {}
        self._made: dict[tuple[int, ...], tuple[tuple[Tensor, ...], Any]] = {}

    def send(self, client: Client, source: Site, target: Site, payload: Tree, kind: str) -> Steps:
        """The value is what the receiver makes of what arrived."""
        encoded = yield from source.compute(self.encode, payload)
        arrived = yield from source.send(target, encoded, kind)
        return (yield from target.compute(self.decode, arrived, payload))

    def broadcast(self, clients: Sequence[Client], payload: Tree, kind: str) -> Steps:
        """Encoded once, and decoded by each client; the value is what each makes of it."""
        server = clients[0].server
        encoded = yield from server.compute(self.encode, payload)
        arrived = yield from server.world.broadcast(server, clients, encoded, kind)
        jobs = [server.world.start(self._received(client, copy, payload), client) for client, copy in arrived.items()]
        return dict((yield from server.world.together(*jobs)))

    def _received(self, client: Client, arrived: Tree, payload: Tree) -> Steps:
        return client, (yield from client.site.compute(self.decode, arrived, payload))

    # Prices: the tensors are coded one after the other, and what comes out of all of them lies there together.

    def _encode_cost(self, payload: Tree) -> Cost:
        known = self._all_known(payload)
        return together((each.encode for each in known), sum(each.sent_bytes for each in known))

    def _decode_cost(self, arrived: Tree, payload: Tree) -> Cost:
        known = self._all_known(payload)
        return together((each.decode for each in known), sum(each.value_bytes for each in known))

    def _all_known(self, payload: Tree) -> list[_Known]:
        return [self._known(leaf.shape) for leaf in floating(payload)]

    def _known(self, shape: torch.Size) -> _Known:
        """What a shape means; worked out the first time."""
        if shape not in self._shapes:
            compressor = self.compressor
            specs = compressor.specs(tuple(shape))
            self._shapes[shape] = _Known(
                compressor.encode_cost(tuple(shape)),
                compressor.decode_cost(tuple(shape)),
                compressor.nbytes(tuple(shape)),
                FLOAT_BYTES * shape.numel(),
                {name: _blank(spec.shape, getattr(torch, spec.dtype)) for name, spec in specs.items()},
                _blank(shape, torch.float32),
            )
        return self._shapes[shape]

    # Works.

    @work(cost=_encode_cost)
    def encode(self, payload: Tree) -> Tree:
        """The payload with what is sent of it in the place of each floating tensor."""
        if not isinstance(payload, Frozen):
            return transform(self.encoded, payload)
        return Frozen(transform(lambda leaf: self._once(lambda: self.encoded(leaf), leaf), payload))

    @work(cost=_decode_cost)
    def decode(self, arrived: Tree, payload: Tree) -> Tree:
        """The payload as the receiver has it. ``payload`` is what was encoded: for its structure and its shapes."""

        def decoded(leaf: Any, sent: Any) -> Any:
            if isinstance(payload, Frozen) and is_floating(leaf):
                return self._once(lambda: self.decoded(leaf, sent), *sent.values())
            return self.decoded(leaf, sent)

        return transform(decoded, payload, arrived)

    # One leaf.

    def encoded(self, leaf: Any) -> Any:
        """What is sent of it; what is no floating tensor stays itself."""
        if not is_floating(leaf):
            return leaf
        if leaf.is_meta:  # dry: what a shape becomes is known, and no tensor is touched
            return self._known(leaf.shape).sent
        with torch.no_grad():
            return self.compressor.encode(looked_up(leaf))

    def decoded(self, leaf: Any, sent: Any) -> Any:
        """What the receiver makes of what was sent of a leaf."""
        if not is_floating(leaf):
            return sent
        if leaf.is_meta:
            return self.blank(leaf)
        return self.compressor.decode(sent, tuple(leaf.shape))

    def blank(self, leaf: Any) -> Tensor:
        """A ``meta`` tensor of its shape."""
        return self._known(leaf.shape).values

    def _once(self, make: Callable[[], Any], *tensors: Tensor) -> Any:
        """What was made of tensors that nobody will ever write: all receivers share it, as they do uncompressed."""
        key = tuple(map(id, tensors))
        if key not in self._made:
            self._made[key] = tensors, make()  # the tensors too, so that no identity is reused
        return self._made[key][1]


def together(costs: Iterable[Cost], results: int) -> Cost:
    """The price of works one after the other, of which the results, in bytes, are all kept till the end."""
    total = sum(costs, start=Cost())
    return total._replace(peak_bytes=total.peak_bytes + results)


def floating(payload: Tree) -> Iterator[Any]:
    """The leaves that are compressed."""
    return filter(is_floating, leaves(payload))


def is_floating(leaf: Any) -> bool:
    """Whether a leaf is compressed: integers and numbers are not, and there is nothing in an empty tensor."""
    return isinstance(leaf, Tensor | LazyBatch) and leaf.dtype.is_floating_point and leaf.numel() > 0


def looked_up(leaf: Tensor | LazyBatch) -> Tensor:
    """The values of a leaf, as float32."""
    return (leaf.tensor() if isinstance(leaf, LazyBatch) else leaf.detach()).float()


def _blank(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")
