"""The twin of SFPrompt: a local loss on the device, pruning, and split training through a frozen body."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from simulator.accounting.twins.base import NO_WORK, Figures, Load, Repeated, Transfer, Work, in_a_row, summed
from simulator.accounting.twins.splitfed import SplitBatch
from simulator.accounting.twins.symbols import largest


class PromptDevice(NamedTuple):
    """A device of the cohort.

    Attributes:
        download: prompts and tail, down.
        local: a training step on the short cut from head to tail for each batch of each local epoch.
        scores: the scores of each batch, for pruning; empty where none are computed.
        split: the batches of split training, of the samples that pruning kept.
        upload: prompts and tail, up.
    """

    download: Transfer
    local: Repeated[Work]
    scores: Repeated[Work]
    split: Repeated[SplitBatch]
    upload: Transfer

    @property
    def seconds(self) -> float:
        """Seconds from the start of the round until its update has arrived, if nothing waits."""
        alone = in_a_row(self.local) + in_a_row(self.scores)
        split = sum(times * batch.seconds for times, batch in self.split)
        return self.download.seconds + alone + split + self.upload.seconds

    @property
    def load(self) -> Load:
        """What the round asks of it, and of the server for it."""
        works = summed((times, Load.of([work])) for times, work in (*self.local, *self.scores))
        batches = summed((times, batch.load) for times, batch in self.split)
        return Load.of(up=[self.upload], down=[self.download]) + works + batches


def sfprompt(devices: Sequence[PromptDevice], mean: Work = NO_WORK) -> Figures:
    """Return the figures of a round of SFPrompt in which no work waits at the server: max_i(path of i) + mean.

    In the symbols of ``papers`` [D] (the paper's own table was not available; the order of the phases follows a public
    re-implementation [3P])::

        communication = [4 q gamma n b_f + 2 (|W_t| + |p|) b_f] K
        device work   = U n (c_h + 3 c_t + c_p) + n (c_h + c_t) + gamma n (c_h + 3 c_t + c_p)

    The server has a slot for each device of the cohort, or the cohort is one device. Devices, cuts, shards and batches
    may differ.

    Args:
        devices: the cohort.
        mean: the weighted mean of prompts and tails at the server.
    """
    seconds = largest(*(device.seconds for device in devices)) + mean.seconds
    return Figures(seconds, tuple(device.load for device in devices), mean.flops)
