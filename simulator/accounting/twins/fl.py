"""The twin of FL: every device trains the whole model, and the server takes the weighted mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from simulator.accounting.twins.base import NO_WORK, Figures, Load, Repeated, Transfer, Work, in_a_row, summed
from simulator.accounting.twins.symbols import largest


class Device(NamedTuple):
    """A device of the cohort.

    Attributes:
        download: the trained parameters, down.
        training: a training step (forward, backward, optimizer) for each batch of each epoch.
        upload: the trained parameters, up.
    """

    download: Transfer
    training: Repeated[Work]
    upload: Transfer

    @property
    def seconds(self) -> float:
        """Seconds from the start of the round until its update has arrived."""
        return self.download.seconds + in_a_row(self.training) + self.upload.seconds

    @property
    def load(self) -> Load:
        """What the round asks of it."""
        steps = ((times, Load.of([work])) for times, work in self.training)
        return Load.of(up=[self.upload], down=[self.download]) + summed(steps)


def fl(devices: Sequence[Device], mean: Work = NO_WORK) -> Figures:
    """Return the figures of a round of FL (FedAvg, FedLoRA): max_i(down_i + training_i + up_i) + mean.

    In the symbols of ``papers``: latency = 3 c n U / P_C + 2 |W| b_f / R, communication 2 |W| b_f K [D]: the standard
    accounting of FedAvg (McMahan et al., 2017), not a table of SFPrompt's paper. It holds for any devices, shards and
    batches. It leaves out the clients' waiting for a link that they share.

    Args:
        devices: the cohort.
        mean: the weighted mean at the server; by default, it costs nothing.
    """
    seconds = largest(*(device.seconds for device in devices)) + mean.seconds
    return Figures(seconds, tuple(device.load for device in devices), mean.flops)
