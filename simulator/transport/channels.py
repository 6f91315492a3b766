"""What is done to payloads on their way: a channel for each kind and direction of which something is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import Tensor

from simulator.accounting.costs import Cost, work
from simulator.accounting.payload import WAY_BACK, Messages, covered, directions
from simulator.learning.compression.base import FLOAT_BYTES, Compressor
from simulator.learning.trees import leaves, transform
from simulator.transport.encoded import Coded, Steps, Tree, floating, is_floating, looked_up
from simulator.world.store import Store

if TYPE_CHECKING:
    from simulator.learning.data.lazy import LazyBatch
    from simulator.transport.wire import Wire
    from simulator.world.clients import Channel, Client
    from simulator.world.sites import Site


def channels(
    compression: Mapping[str, Compressor | None], kinds: Messages, wire: Wire
) -> dict[tuple[str, str], Channel]:
    """By kind and direction, what ``training.compression`` asks for; a key with a direction counts before one without,
    and a kind's own name before one that covers it.

    ``messages``: what is sent at all. Empty where nothing is compressed.
    """
    asked = sorted(compression.items(), key=lambda item: len(directions(item[0])[1]), reverse=True)
    said = [(kind, one, how) for key, how in asked for kind, both in [directions(key)] for one in both]
    last = {(also, one): how for kind, one, how in said for also in covered(kind)[1:]}
    last |= {(kind, one): how for kind, one, how in said}
    named = {where: how for where, how in last.items() if how and " ".join(where) in kinds.directed}
    found: dict[tuple[str, str], Channel] = {where: Coded(compressor) for where, compressor in named.items()}
    for (kind, direction), compressor in named.items():
        if direction == "up" and compressor.takes_change:
            found[kind, "up"] = CodedChange(compressor, wire)
            found[kind, "down"] = Noting(found.get((kind, "down")))
        if direction == "up" and compressor.pull and WAY_BACK.get(kind) in kinds.down:
            back = WAY_BACK[kind], "down"
            found[kind, "up"] = sent = CodedAndKept(compressor)
            found[back] = Correcting(found.get(back), sent, kind)
    return found


@dataclass(eq=False)
class Notes(Store):
    """What channels keep at a device, by the kind of payload.

    Attributes:
        received: what it received last, and in which round.
        left_out: what was left out of its last change.
        uncorrected: what it sent last, and what arrived of it.
    """

    received: dict[str, tuple[int, Any]] = field(default_factory=dict)
    left_out: dict[str, Any] = field(default_factory=dict)
    uncorrected: dict[str, tuple[Any, Any]] = field(default_factory=dict)


class Apart:
    """A channel that has something to do for each client, so that a broadcast through it is a transfer for each."""

    def send(self, client: Client, source: Site, target: Site, payload: Tree, kind: str) -> Steps:
        """Send a payload on behalf of a client."""
        raise NotImplementedError

    def broadcast(self, clients: Sequence[Client], payload: Tree, kind: str) -> Steps:
        """Send to each client, side by side; the value is what each has in the end, by client."""
        world = clients[0].server.world
        there = [client for client in clients if client.site.away_since is None]
        jobs = [world.start(self._for(client, payload, kind), client) for client in there]
        return dict((yield from world.together(*jobs)))

    def _for(self, client: Client, payload: Tree, kind: str) -> Steps:
        return client, (yield from self.send(client, client.server, client.site, payload, kind))


class Noting(Apart):
    """Notes what a client receives, so that it can send the change to it; ``inner``: what is done to it besides."""

    def __init__(self, inner: Channel | None) -> None:
        self.inner = inner

    def send(self, client: Client, source: Site, target: Site, payload: Tree, kind: str) -> Steps:
        value = client.keep((yield from _through(self.inner, client, source, target, payload, kind)))
        notes = client.store(Notes)
        notes.received = {**notes.received, kind: (client.round_index, value)}
        return value


class CodedChange(Coded):
    """Encodes the change to what the client received under the same kind in its round; the server, which knows that
    too, adds it. What a compressor that keeps it leaves out of one change is added to the client's next.
    """

    def __init__(self, compressor: Compressor, wire: Wire) -> None:
        super().__init__(compressor)
        self.wire = wire

    def send(self, client: Client, source: Site, target: Site, payload: Tree, kind: str) -> Steps:
        """What was left out counts as kept once the change has arrived.

        Raises:
            RuntimeError: the client did not receive such a payload before; no algorithm that keeps to its ``messages``
                does this.
        """
        notes = client.store(Notes)
        round_index, base = notes.received.get(kind, (None, None))
        rest = notes.left_out.get(kind)
        if round_index != client.round_index or _shapes(base) != _shapes(payload):
            raise RuntimeError(f'{client} sends the change of "{kind}" that it did not receive in this round')
        if rest is not None and _shapes(rest) != [leaf.shape for leaf in floating(payload)]:
            raise RuntimeError(f'{client} kept what was left out of "{kind}", and now sends tensors of other shapes')
        encoded, rest = yield from source.compute(self.encode, payload, base, rest)
        arrived = yield from source.send(target, encoded, kind)
        if rest is not None:
            notes.left_out = {**notes.left_out, kind: rest}
        value = yield from target.compute(self.decode, arrived, base)
        notes.received = _without(notes.received, kind)
        return value

    def _change_cost(self, payload: Tree, base: Tree, rest: list[Tensor] | None) -> Cost:
        values = sum(each.value_bytes for each in self._all_known(payload))
        cost = self._encode_cost(payload) + Cost(bytes_touched=3 * values)  # both read, the change written
        if self.compressor.keeps_what_is_left:  # the old rest added, the change decoded, the new rest written
            added = 2 * values if rest is not None else 0
            cost += self._decode_cost(payload, payload) + Cost(bytes_touched=added + 3 * values)
        return cost._replace(peak_bytes=cost.peak_bytes + values)

    def _sum_cost(self, arrived: Tree, base: Tree) -> Cost:
        values = sum(each.value_bytes for each in self._all_known(base))
        return self._decode_cost(arrived, base) + Cost(bytes_touched=3 * values)  # both read, the sum written

    @work(cost=_change_cost)
    def encode(self, payload: Tree, base: Tree, rest: list[Tensor] | None) -> tuple[Tree, list[Tensor] | None]:
        """The change, encoded; and what is left out of it now, a tensor for each floating one, where that is kept."""
        before = iter(rest or ())
        after: list[Tensor] = []

        def encoded(value: Any, start: Any) -> Any:
            if not is_floating(value):
                return value
            change = self.blank(value) if value.is_meta else looked_up(value) - looked_up(start)
            if rest is not None and not value.is_meta:
                change += next(before)
            sent = self.encoded(change)
            if self.compressor.keeps_what_is_left:
                arrives, _ = self.wire.carry(sent)
                after.append(change if value.is_meta else change - self.decoded(change, arrives))
            return sent

        sent = transform(encoded, payload, base)
        return sent, after if self.compressor.keeps_what_is_left else None

    @work(cost=_sum_cost)
    def decode(self, arrived: Tree, base: Tree) -> Tree:
        """What the client has, as far as the server can tell: what it was sent, and the change that arrived."""

        def decoded(start: Any, sent: Any) -> Any:
            change = self.decoded(start, sent)
            return change if not is_floating(start) or start.is_meta else change.add_(looked_up(start))

        return transform(decoded, base, arrived)


class CodedAndKept(Coded):
    """Encodes what a client sends, which also keeps it and what it became, until the gradient for it comes back."""

    def send(self, client: Client, source: Site, target: Site, payload: Tree, kind: str) -> Steps:
        encoded = yield from source.compute(self.encode, payload)
        arrived = yield from source.send(target, encoded, kind)
        pairs: list[tuple[Any, Any]] = []
        transform(lambda leaf, sent: pairs.append((leaf, sent)), payload, arrived)
        (pair,) = [pair for pair in pairs if is_floating(pair[0])]
        notes = client.store(Notes)
        notes.uncorrected = {**notes.uncorrected, kind: pair}
        return (yield from target.compute(self.decode, arrived, payload))


class Correcting(Apart):
    """Corrects the gradient that comes back for what ``sent`` has encoded, under the kind ``of``."""

    def __init__(self, inner: Channel | None, sent: CodedAndKept, of: str) -> None:
        self.inner, self.sent, self.of = inner, sent, of

    def send(self, client: Client, source: Site, target: Site, payload: Tree, kind: str) -> Steps:
        grad = yield from _through(self.inner, client, source, target, payload, kind)
        notes = client.store(Notes)
        if self.of in notes.uncorrected:
            values, sent = notes.uncorrected[self.of]
            notes.uncorrected = _without(notes.uncorrected, self.of)
            grad = yield from target.compute(self.correct, grad, values, sent)
        return grad

    def _correct_cost(self, grad: Tensor, values: Tensor | LazyBatch, sent: Tree) -> Cost:
        return self.sent._decode_cost(sent, values) + Cost(bytes_touched=4 * FLOAT_BYTES * values.numel())

    @work(cost=_correct_cost)
    def correct(self, grad: Tensor, values: Tensor | LazyBatch, sent: Tree) -> Tensor:
        """``grad + pull x (values - decoded values)``."""
        if grad.is_meta:
            return grad
        error = looked_up(values) - self.sent.decoded(values, sent)
        return grad.add(error, alpha=self.sent.compressor.pull)


def _without(notes: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: note for name, note in notes.items() if name != kind}


def _through(inner: Channel | None, client: Client, source: Site, target: Site, payload: Tree, kind: str) -> Steps:
    if inner is None:
        return source.send(target, payload, kind)
    return inner.send(client, source, target, payload, kind)


def _shapes(payload: Tree) -> list[Any]:
    """Of all tensors, in order; what has no shape stays itself."""
    return [getattr(leaf, "shape", None) for leaf in leaves(payload)]
