"""The twins of SplitFrozen: devices run frozen layers forward, and the server trains on the batches of all of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from simulator.accounting.twins.base import Figures, Load, Transfer, Work
from simulator.accounting.twins.symbols import largest


class Stage(NamedTuple):
    """What a device does with each batch.

    Attributes:
        forward: the forward pass through its frozen layers (a_i).
        upload: smashed data and labels (u_i).
    """

    forward: Work
    upload: Transfer

    @property
    def seconds(self) -> float:
        """Seconds until the batch is at the server, if nothing waits."""
        return self.forward.seconds + self.upload.seconds

    @property
    def slowest(self) -> float:
        """Seconds of the slower of both: the device delivers a batch as often."""
        return largest(self.forward.seconds, self.upload.seconds)

    @property
    def load(self) -> Load:
        """What a batch asks of the device."""
        return Load.of([self.forward], up=[self.upload])


def pipelined(devices: Sequence[Stage], server: Work, batches: int) -> Figures:
    """Return the figures of a round with the pipeline: max_i[a_i + u_i + s + (N - 1) max(a_i, u_i, s)] [D].

    With equal devices that is (a + u + s) + (N - 1) max(a, u, s): a pipeline is filled once, and then its slowest stage
    sets the pace. The paper's own equations were not available. Buffers of any size change nothing, because a stage
    always takes as long. All devices have N equal batches and the same cut, smashed data are not cached, and the
    backward pass is not decomposed. Uplinks and devices may differ.

    Args:
        devices: the cohort.
        server: what the server does with one batch of each device (s: K batches, forward, backward and step).
        batches: N, of each device, counted in all epochs.
    """
    seconds = largest(
        *(stage.seconds + server.seconds + (batches - 1) * largest(stage.slowest, server.seconds) for stage in devices)
    )
    return Figures(seconds, tuple(batches * stage.load for stage in devices), batches * server.flops)


def in_turn(devices: Sequence[Stage], server: Work, batches: int) -> Figures:
    """Return the figures of a round without the pipeline: N (max_i(a_i + u_i) + s) [D].

    Assumptions and arguments are those of ``pipelined``.
    """
    seconds = batches * (largest(*(stage.seconds for stage in devices)) + server.seconds)
    return Figures(seconds, tuple(batches * stage.load for stage in devices), batches * server.flops)
