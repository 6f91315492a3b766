"""The twin of EPSL and of parallel split learning (PSL): all devices and the server work in lockstep."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from simulator.accounting.twins.base import NO_WORK, NOTHING_SENT, Figures, Load, Repeated, Transfer, Work, summed
from simulator.accounting.twins.symbols import largest


class Member(NamedTuple):
    """A device in one step; what is not sent or not done keeps its default, which costs nothing.

    Attributes:
        forward: the forward pass of its batch (T_F).
        upload: smashed data and labels (T_U).
        broadcast: the aggregated gradients, down (T_BC).
        gradient: its own gradients, down (T_D).
        backward: the backward pass (T_B).
        step: the optimizer step.
    """

    forward: Work
    upload: Transfer
    broadcast: Transfer = NOTHING_SENT
    gradient: Transfer = NOTHING_SENT
    backward: Work = NO_WORK
    step: Work = NO_WORK

    @property
    def load(self) -> Load:
        """What the step asks of the device."""
        works, down = (self.forward, self.backward, self.step), (self.broadcast, self.gradient)
        return Load.of(works, up=[self.upload], down=down)


class Step(NamedTuple):
    """One step of all devices.

    Attributes:
        members: the devices, always in the same order.
        server: what the server does with their batches (T_sF + T_sB, with its optimizer step).
    """

    members: Sequence[Member]
    server: Work

    @property
    def seconds(self) -> float:
        """Seconds until the last device has trained its part."""
        there = largest(*(each.forward.seconds + each.upload.seconds for each in self.members))
        broadcast = largest(*(each.broadcast.seconds for each in self.members))
        back = largest(*(each.gradient.seconds + each.backward.seconds + each.step.seconds for each in self.members))
        return there + self.server.seconds + broadcast + back


def epsl(downloads: Sequence[Transfer], steps: Repeated[Step]) -> Figures:
    """Return the figures of a round of EPSL: max(down), and the sum of its steps.

    Each step takes::

        max_i(T_i^F + T_i^U) + T_s^F + T_s^B + T^BC + max_i(T_i^D + T_i^B)

    The form was recalled from EPSL's paper and not checked against it [M]; phi 0 is PSL. Every device takes part in
    every step, with batches of the same size as the others' (the last step of an epoch may have smaller ones). Devices
    and their links may differ. The server's uplink carries a broadcast once.

    Args:
        downloads: the parts that devices are sent when they are first selected; bytes of 0 where they have them.
        steps: the steps of all epochs.
    """
    seconds = largest(*(sent.seconds for sent in downloads)) + sum(times * step.seconds for times, step in steps)
    loads = tuple(
        Load.of(down=[sent]) + summed((times, step.members[at].load) for times, step in steps)
        for at, sent in enumerate(downloads)
    )
    return Figures(seconds, loads, sum(times * step.server.flops for times, step in steps))
