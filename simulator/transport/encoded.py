"""Payloads that are encoded before they are sent, and decoded on arrival: both are works that cost time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from torch import Tensor

from simulator.accounting.costs import Cost, work
from simulator.accounting.payload import Frozen
from simulator.learning.compression.base import FLOAT_BYTES, Compressor
from simulator.learning.compression.padded import KeepsPadding
from simulator.learning.data.lazy import LazyBatch
from simulator.learning.trees import leaves, transform

if TYPE_CHECKING:
    from simulator.world.clients import Client
    from simulator.world.sites import Site

Steps = Generator[Any, Any, Any]
Tree = Any
"""Tensors and numbers in dicts, lists and tuples."""


class _Known(NamedTuple):
    """What is known of tensors of one shape.

    Attributes:
        encode, decode: the costs.
        sent_bytes: the bytes of what is sent.
        value_bytes: the bytes of the values, as float32.
        sent: empty tensors on ``meta`` for what is sent, by name.
        values: an empty float32 tensor of the shape on ``meta``.
    """

    encode: Cost
    decode: Cost
    sent_bytes: int
    value_bytes: int
    sent: dict[str, Tensor]
    values: Tensor


class Coded:
    """A channel whose payloads are encoded by the sender and decoded by the receiver.

    Only floating tensors are encoded; integer tensors and numbers are sent as they are. The arguments of ``send`` and
    ``broadcast`` are those of ``world.clients.Channel``.

    Attributes:
        compressor: what encodes and decodes a tensor.
    """

    def __init__(self, compressor: Compressor | KeepsPadding) -> None:
        self.compressor = compressor
        self._shapes: dict[torch.Size, _Known] = {}
        self._made: dict[tuple[int, ...], tuple[tuple[Tensor, ...], Any]] = {}

    def send(self, client: Client, source: Site, target: Site, payload: Tree, kind: str) -> Steps:
        """Send a payload encoded; the value is what the receiver decodes."""
        encoded = yield from source.compute(self.encode, payload)
        arrived = yield from source.send(target, encoded, kind)
        return (yield from target.compute(self.decode, arrived, payload))

    def broadcast(self, clients: Sequence[Client], payload: Tree, kind: str) -> Steps:
        """Encode a payload once, and broadcast it; the value is what each client decodes, by client."""
        server = clients[0].server
        encoded = yield from server.compute(self.encode, payload)
        arrived = yield from server.world.broadcast(server, clients, encoded, kind)
        jobs = [
            server.world.start(self._decode_at(client, copy, payload), client)
            for client, copy in arrived.items()
            if client.site.away_since is None  # it may have left while slower ones were still receiving
        ]
        return dict((yield from server.world.together(*jobs)))

    def _decode_at(self, client: Client, arrived: Tree, payload: Tree) -> Steps:
        return client, (yield from client.site.compute(self.decode, arrived, payload))

    # Costs: the tensors are coded one after the other, and all results are in memory together.

    def _encode_cost(self, payload: Tree) -> Cost:
        known = self._all_known(payload)
        return together((shape.encode for shape in known), sum(shape.sent_bytes for shape in known))

    def _decode_cost(self, arrived: Tree, payload: Tree) -> Cost:
        known = self._all_known(payload)
        return together((shape.decode for shape in known), sum(shape.value_bytes for shape in known))

    def _all_known(self, payload: Tree) -> list[_Known]:
        return [self._known(leaf.shape) for leaf in floating(payload)]

    def _known(self, shape: torch.Size) -> _Known:
        """Return what is known of a shape, computed the first time."""
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
        """Return the payload with each floating tensor replaced by what is sent of it."""
        if not isinstance(payload, Frozen):
            return transform(self.encoded, payload)
        return Frozen(transform(lambda leaf: self._once(lambda: self.encoded(leaf), leaf), payload))

    @work(cost=_decode_cost)
    def decode(self, arrived: Tree, payload: Tree) -> Tree:
        """Return the payload as the receiver has it; ``payload`` is what was encoded, for its structure and shapes."""

        def decoded(leaf: Any, sent: Any) -> Any:
            if isinstance(payload, Frozen) and is_floating(leaf):
                return self._once(lambda: self.decoded(leaf, sent), *sent.values())
            return self.decoded(leaf, sent)

        return transform(decoded, payload, arrived)

    # Single leaves.

    def encoded(self, leaf: Any) -> Any:
        """Return what is sent of a leaf; anything but a floating tensor is returned as it is."""
        if not is_floating(leaf):
            return leaf
        if leaf.is_meta:  # a dry run: the shape tells what is sent, and no tensor is computed
            return self._known(leaf.shape).sent
        with torch.no_grad():
            return self.compressor.encode(looked_up(leaf))

    def decoded(self, leaf: Any, sent: Any) -> Any:
        """Return what the receiver decodes from what was sent of a leaf."""
        if not is_floating(leaf):
            return sent
        if leaf.is_meta:
            return self.blank(leaf)
        return self.compressor.decode(sent, tuple(leaf.shape))

    def blank(self, leaf: Any) -> Tensor:
        """Return a float32 tensor on ``meta`` with the shape of a leaf."""
        return self._known(leaf.shape).values

    def _once(self, make: Callable[[], Any], *tensors: Tensor) -> Any:
        """Return the one result for tensors that are never written; all receivers share it, as they do uncompressed.

        Args:
            make: makes the result, the first time.
            tensors: what it is made of, by identity.
        """
        key = tuple(map(id, tensors))
        if key not in self._made:
            self._made[key] = tensors, make()  # with the tensors, so that their ids are not reused
        return self._made[key][1]


def together(costs: Iterable[Cost], results: int) -> Cost:
    """Return the cost of works one after the other, whose results (in bytes, all together) are kept to the end."""
    total = sum(costs, start=Cost())
    return total._replace(peak_bytes=total.peak_bytes + results)


def floating(payload: Tree) -> Iterator[Any]:
    """Return the leaves that are compressed, in order."""
    return filter(is_floating, leaves(payload))


def is_floating(leaf: Any) -> bool:
    """Return whether a leaf is compressed; integer tensors, numbers and empty tensors are not."""
    return isinstance(leaf, Tensor | LazyBatch) and leaf.dtype.is_floating_point and leaf.numel() > 0


def looked_up(leaf: Tensor | LazyBatch) -> Tensor:
    """Return the values of a leaf as a float32 tensor."""
    return (leaf.tensor() if isinstance(leaf, LazyBatch) else leaf.detach()).float()


def _blank(shape: tuple[int, ...], dtype: torch.dtype) -> Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")
