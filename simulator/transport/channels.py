"""Channels: what is done to payloads on their way, for each kind and direction for which a scenario asks it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from torch import Tensor

from simulator.accounting.costs import Cost, work
from simulator.accounting.payload import WAY_BACK, Messages, covered, directions
from simulator.learning.compression.base import FLOAT_BYTES, Compressor
from simulator.learning.compression.padded import KeepsPadding
from simulator.learning.trees import leaves, transform
from simulator.transport.encoded import Coded, Steps, Tree, floating, is_floating, looked_up
from simulator.world.store import Store

if TYPE_CHECKING:
    from simulator.learning.data.lazy import LazyBatch
    from simulator.transport.wire import Wire
    from simulator.world.clients import Channel, Client
    from simulator.world.sites import Site


def channels(
    compression: Mapping[str, Compressor | None], kinds: Messages, wire: Wire, pads: bool = False
) -> dict[tuple[str, str], Channel]:
    """Return the channels that ``training.compression`` asks for, by kind and direction.

    A key with a direction takes precedence over one without, and a kind's own name over one that covers it.

    Args:
        compression: the compressor of each key, which is a kind with or without a direction; None for no compression.
        kinds: the kinds of payloads that the algorithm sends at all; others get no channel.
        wire: what carries the payloads.
        pads: whether rows of zeros in hidden states are padding, which must arrive as such.
    """
    by_precedence = sorted(compression.items(), key=lambda item: len(directions(item[0])[1]), reverse=True)
    settings = [
        (kind, direction, compressor)
        for key, compressor in by_precedence
        for kind, key_directions in [directions(key)]
        for direction in key_directions
    ]
    chosen = {(also, direction): how for kind, direction, how in settings for also in covered(kind)[1:]}
    chosen |= {(kind, direction): how for kind, direction, how in settings}
    sent_compressed = {where: how for where, how in chosen.items() if how and " ".join(where) in kinds.directed}
    coders = {
        (kind, direction): coder(compressor, pads and has_hidden_states(kind))
        for (kind, direction), compressor in sent_compressed.items()
    }
    made: dict[tuple[str, str], Channel] = {where: Coded(compressor) for where, compressor in coders.items()}
    for (kind, direction), compressor in sent_compressed.items():
        if direction == "up" and compressor.takes_change:
            made[kind, "up"] = CodedChange(compressor, wire)
            made[kind, "down"] = Noting(made.get((kind, "down")))
        if direction == "up" and compressor.pull and WAY_BACK.get(kind) in kinds.down:
            back = WAY_BACK[kind], "down"
            made[kind, "up"] = sent = CodedAndKept(coders[kind, "up"])
            made[back] = Correcting(made.get(back), sent, kind)
    return made


def has_hidden_states(kind: str) -> bool:
    """Tell from its name whether a kind of payload holds hidden states, and neither weights nor gradients."""
    return any(word in kind for word in ("smashed data", "features"))


def coder(compressor: Compressor, pads: bool) -> Compressor | KeepsPadding:
    """Return what encodes payloads: the compressor, which where it would fill padding also sends what is padding.

    Args:
        compressor: the compressor.
        pads: whether rows of zeros in hidden states are padding.
    """
    return KeepsPadding(compressor) if pads and not compressor.tells_zeros else compressor


@dataclass(eq=False)
class Notes(Store):
    """What channels keep at a device, by the kind of payload.

    Attributes:
        received: the round in which the device last received this kind, and what it received.
        left_out: what was left out of the last change that it sent, a tensor for each floating one.
        uncorrected: what it sent last, and what arrived of it, until the gradient for it comes back.
    """

    received: dict[str, tuple[int, Any]] = field(default_factory=dict)
    left_out: dict[str, Any] = field(default_factory=dict)
    uncorrected: dict[str, tuple[Any, Any]] = field(default_factory=dict)


class Apart:
    """A channel with something to do for each client, so that a broadcast is a separate transfer to each of them.

    The arguments of ``send`` and ``broadcast``, here and in the classes below, are those of ``world.clients.Channel``.
    """

    def send(self, client: Client, source: Site, target: Site, payload: Tree, kind: str) -> Steps:
        """Send a payload on behalf of a client; the value is what the receiver has in the end."""
        raise NotImplementedError

    def broadcast(self, clients: Sequence[Client], payload: Tree, kind: str) -> Steps:
        """Send to each client, concurrently; the value is what each has in the end, by client."""
        world = clients[0].server.world
        present = [client for client in clients if client.site.away_since is None]
        jobs = [world.start(self._send_to(client, payload, kind), client) for client in present]
        return dict((yield from world.together(*jobs)))

    def _send_to(self, client: Client, payload: Tree, kind: str) -> Steps:
        """Send a payload from the server to one client; the value is the client and what it has in the end."""
        return client, (yield from self.send(client, client.server, client.site, payload, kind))


class Noting(Apart):
    """Keeps what a client receives, so that the client can send the change to it.

    Attributes:
        inner: the channel that the payload goes through besides, or None.
    """

    def __init__(self, inner: Channel | None) -> None:
        self.inner = inner

    def send(self, client: Client, source: Site, target: Site, payload: Tree, kind: str) -> Steps:
        """Send the payload, and keep what the client receives, with its round."""
        value = client.keep((yield from _through(self.inner, client, source, target, payload, kind)))
        notes = client.store(Notes)
        notes.received = {**notes.received, kind: (client.round_index, value)}
        return value


class CodedChange(Coded):
    """Encodes the change to what the client received of the same kind in its round.

    The server, which knows what the client received, adds the change to it. With a compressor that has error feedback
    (``keeps_what_is_left``), what is left out of one change is added to the client's next change.

    Attributes:
        wire: what carries the encoded change; it tells what will arrive of it.
    """

    def __init__(self, compressor: Compressor, wire: Wire) -> None:
        super().__init__(compressor)
        self.wire = wire

    def send(self, client: Client, source: Site, target: Site, payload: Tree, kind: str) -> Steps:
        """Send the change; the value is the payload as the server has it. What is left out is kept after the arrival.

        Raises:
            RuntimeError: the client did not receive such a payload in this round, or what it kept has other shapes. No
                algorithm that keeps to its ``messages`` does this.
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
        nbytes = sum(known.value_bytes for known in self._all_known(payload))
        cost = self._encode_cost(payload) + Cost(bytes_touched=3 * nbytes)  # both read, the change written
        if self.compressor.keeps_what_is_left:  # the old rest added, the change decoded, the new rest written
            added = 2 * nbytes if rest is not None else 0
            cost += self._decode_cost(payload, payload) + Cost(bytes_touched=added + 3 * nbytes)
        return cost._replace(peak_bytes=cost.peak_bytes + nbytes)

    def _sum_cost(self, arrived: Tree, base: Tree) -> Cost:
        nbytes = sum(known.value_bytes for known in self._all_known(base))
        return self._decode_cost(arrived, base) + Cost(bytes_touched=3 * nbytes)  # both read, the sum written

    @work(cost=_change_cost)
    def encode(self, payload: Tree, base: Tree, rest: list[Tensor] | None) -> tuple[Tree, list[Tensor] | None]:
        """Return the change, encoded, and what is left out of it.

        Args:
            payload: what the client sends.
            base: what it received in this round, in the same structure.
            rest: what was left out of the last change, a tensor for each floating one; None if nothing was.

        Returns:
            The encoded change; and what is left out now, like ``rest``, or None if the compressor does not keep it.
        """
        last_rest = iter(rest or ())
        new_rest: list[Tensor] = []

        def encoded(value: Any, start: Any) -> Any:
            if not is_floating(value):
                return value
            change = self.blank(value) if value.is_meta else looked_up(value) - looked_up(start)
            if rest is not None and not value.is_meta:
                change += next(last_rest)
            sent = self.encoded(change)
            if self.compressor.keeps_what_is_left:
                arrives, _ = self.wire.carry(sent)
                new_rest.append(change if value.is_meta else change - self.decoded(change, arrives))
            return sent

        sent = transform(encoded, payload, base)
        return sent, new_rest if self.compressor.keeps_what_is_left else None

    @work(cost=_sum_cost)
    def decode(self, arrived: Tree, base: Tree) -> Tree:
        """Return the payload as the server has it: what the client received, ``base``, plus the change that arrived."""

        def decoded(start: Any, sent: Any) -> Any:
            change = self.decoded(start, sent)
            return change if not is_floating(start) or start.is_meta else change.add_(looked_up(start))

        return transform(decoded, base, arrived)


class CodedAndKept(Coded):
    """Encodes what a client sends, and keeps it and what arrived of it until the gradient for it comes back."""

    def send(self, client: Client, source: Site, target: Site, payload: Tree, kind: str) -> Steps:
        """Send the payload encoded; the value is what the receiver decodes. It must hold one floating tensor."""
        encoded = yield from source.compute(self.encode, payload)
        arrived = yield from source.send(target, encoded, kind)
        pairs: list[tuple[Any, Any]] = []
        transform(lambda leaf, sent: pairs.append((leaf, sent)), payload, arrived)
        (pair,) = [pair for pair in pairs if is_floating(pair[0])]
        notes = client.store(Notes)
        notes.uncorrected = {**notes.uncorrected, kind: pair}
        return (yield from target.compute(self.decode, arrived, payload))


class Correcting(Apart):
    """Corrects the gradient that comes back for smashed data that were encoded.

    Attributes:
        inner: the channel that the gradient goes through besides, or None.
        sent: the channel that encoded the smashed data.
        of: the kind under which they were sent.
    """

    def __init__(self, inner: Channel | None, sent: CodedAndKept, of: str) -> None:
        self.inner, self.sent, self.of = inner, sent, of

    def send(self, client: Client, source: Site, target: Site, payload: Tree, kind: str) -> Steps:
        """Send the gradient, and correct it at the receiver if what it belongs to was kept."""
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
        """Return ``grad + pull x (values - decoded values)``.

        Args:
            grad: the gradient that came back, in the shape of ``values``; float32.
            values: the smashed data, before they were encoded.
            sent: what arrived of them, encoded.
        """
        if grad.is_meta:
            return grad
        error = looked_up(values) - self.sent.decoded(values, sent)
        return grad.add(error, alpha=self.sent.compressor.pull)


def _without(notes: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: note for name, note in notes.items() if name != kind}


def _through(inner: Channel | None, client: Client, source: Site, target: Site, payload: Tree, kind: str) -> Steps:
    """Send a payload through a channel, or directly if there is none."""
    if inner is None:
        return source.send(target, payload, kind)
    return inner.send(client, source, target, payload, kind)


def _shapes(payload: Tree) -> list[Any]:
    """Return the shapes of all leaves, in order; None for a leaf without a shape."""
    return [getattr(leaf, "shape", None) for leaf in leaves(payload)]
