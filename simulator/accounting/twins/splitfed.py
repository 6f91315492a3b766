"""The twins of SplitFed (SFL), V1 and V2: devices train a head and a tail, the server trains the rest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from simulator.accounting.twins.base import NO_WORK, NOTHING_SENT, Figures, Load, Repeated, Transfer, Work, summed
from simulator.accounting.twins.symbols import largest


class SplitBatch(NamedTuple):
    """One batch through a split model; what is not sent or not done keeps its default, which costs nothing.

    U-shaped (labels stay on the device), all eleven are there. Where labels are sent, the server's forward pass,
    backward pass and step are one work: ``body_forward``; then there are no features, no tail and no feature gradient.

    Attributes:
        head_forward: the forward pass on the device.
        smashed: the smashed data (and labels, where they are sent), up.
        body_forward: the forward pass at the server, or all that the server does.
        features: the features, down.
        tail: forward and backward through the tail on the device, to the loss.
        feature_gradient: the gradient of the features, up.
        body_backward: the backward pass at the server.
        body_step: the optimizer step at the server; the gradient's way back does not wait for it.
        smashed_gradient: the gradient of the smashed data, down.
        head_backward: the backward pass on the device.
        step: the optimizer step on the device.
    """

    head_forward: Work
    smashed: Transfer
    body_forward: Work
    features: Transfer = NOTHING_SENT
    tail: Work = NO_WORK
    feature_gradient: Transfer = NOTHING_SENT
    body_backward: Work = NO_WORK
    body_step: Work = NO_WORK
    smashed_gradient: Transfer = NOTHING_SENT
    head_backward: Work = NO_WORK
    step: Work = NO_WORK

    @property
    def ahead(self) -> float:
        """Seconds until the server is asked for the first time."""
        return self.head_forward.seconds + self.smashed.seconds

    @property
    def turn(self) -> float:
        """Seconds from the server's forward pass to the end of its step, if nothing waits."""
        there_and_back = self.features.seconds + self.tail.seconds + self.feature_gradient.seconds
        return self.body_forward.seconds + there_and_back + self.body_backward.seconds + self.body_step.seconds

    @property
    def behind(self) -> float:
        """Seconds by which the device ends after the server's step."""
        back = self.smashed_gradient.seconds + self.head_backward.seconds + self.step.seconds
        return largest(0.0, back - self.body_step.seconds)

    @property
    def seconds(self) -> float:
        """Seconds of the batch, if nothing waits."""
        return self.ahead + self.turn + self.behind

    @property
    def load(self) -> Load:
        """What the batch asks of the device, and of the server."""
        return Load.of(
            works=(self.head_forward, self.tail, self.head_backward, self.step),
            up=(self.smashed, self.feature_gradient),
            down=(self.features, self.smashed_gradient),
            server=(self.body_forward, self.body_backward, self.body_step),
        )


class SplitDevice(NamedTuple):
    """A device of the cohort.

    Attributes:
        download: what it trains, down.
        batches: the batches of all epochs.
        upload: what it has trained, up.
    """

    download: Transfer
    batches: Repeated[SplitBatch]
    upload: Transfer

    @property
    def seconds(self) -> float:
        """Seconds from the start of the round until its update has arrived, if nothing waits."""
        split = sum(times * batch.seconds for times, batch in self.batches)
        return self.download.seconds + split + self.upload.seconds

    @property
    def load(self) -> Load:
        """What the round asks of it, and of the server for it."""
        batches = summed((times, batch.load) for times, batch in self.batches)
        return Load.of(up=[self.upload], down=[self.download]) + batches


def version_1(devices: Sequence[SplitDevice], mean: Work = NO_WORK) -> Figures:
    """Return the figures of a round of SplitFed V1 in which no work waits: max_i(path of i) + mean.

    The server has a slot for each device of the cohort, or the cohort is one device. Devices, cuts, shards and batches
    may differ. Also for V2 whose body is frozen. In AdaptSFL's setting the same form is called "max_i(full path)" [G
    3P]; in the symbols of ``papers`` it is the latency of SFL [D], with the server's rate shared out over the slots.

    Args:
        devices: the cohort.
        mean: the weighted mean of both sides at the server.
    """
    seconds = largest(*(device.seconds for device in devices)) + mean.seconds
    return Figures(seconds, tuple(device.load for device in devices), mean.flops)


def version_2(device: SplitDevice, clients: int, mean: Work = NO_WORK) -> Figures:
    """Return the figures of a round in which equal devices take turns at the server, first come, first served [D].

    With t = ``turn``, a = ``ahead``, b = ``behind`` of a batch, B batches and K devices: each device comes back
    a + b after its turn, so either the server is always busy, or nobody waits after the first batch::

        down + a + K t + (B - 1) max(K t, t + b + a) + b + up + mean

    That is SplitFed V2 where a turn is not interleaved with another: labels sent, or an exclusive body. It is also V1
    with labels sent and one slot. With B = 1 it is AdaptSFL's form for equal devices (``adaptsfl``). All devices, links
    and shards are equal, and all batches are: the batch size divides the shard.

    Args:
        device: what each of the devices does; its batches are one entry.
        clients: K.
        mean: the weighted mean of the devices' side at the server (of both sides in V1).

    Raises:
        ValueError: the batches are not all equal.
    """
    if len(device.batches) != 1:
        raise ValueError("devices take turns in closed form only with equal batches: the batch size divides the shard")
    ((count, batch),) = device.batches
    turns, cycle = clients * batch.turn, batch.turn + batch.behind + batch.ahead
    split = batch.ahead + turns + (count - 1) * largest(turns, cycle) + batch.behind
    seconds = device.download.seconds + split + device.upload.seconds + mean.seconds
    return Figures(seconds, (device.load,) * clients, mean.flops)


def split_learning(devices: Sequence[SplitDevice]) -> Figures:
    """Return the figures of a round of split learning (SL): sum_i(path of i).

    Devices train one after the other, so nothing ever waits, and links may be shared. The server relays the devices'
    weights: each device downloads what the one before it has uploaded; nothing is averaged. "SL: sum_i(full path)"
    stands so beside AdaptSFL's form [G 3P]. Devices, shards and batches may differ.

    Args:
        devices: the cohort.
    """
    return Figures(sum(device.seconds for device in devices), tuple(device.load for device in devices))
