"""The twins in the symbols of the field: FLOPs of parts, parameters, rates; what is small is left out [D].

These forms are the standard accounting of the algorithms, derived here [D]: the tables of SFPrompt's paper were not
available. Training costs three forward passes, or two where only the gradient of the input is needed; optimizer steps,
labels, latency and the mean cost nothing. A model's first layer is cheaper than that (nobody wants the gradient of its
input), so the simulator agrees to within that layer; with measured works in place of these, it agrees exactly.
"""

from __future__ import annotations

from typing import NamedTuple

from simulator.accounting.twins.base import Figures, Transfer, Work
from simulator.accounting.twins.fl import Device
from simulator.accounting.twins.fl import fl as of_fl
from simulator.accounting.twins.sfprompt import PromptDevice
from simulator.accounting.twins.sfprompt import sfprompt as of_sfprompt
from simulator.accounting.twins.splitfed import SplitBatch, SplitDevice, version_1


class Symbols(NamedTuple):
    """A round of K equal devices.

    Attributes:
        clients: K, the devices of the cohort.
        samples: n, of each device.
        epochs: U, local epochs.
        kept: gamma, the share of samples that pruning keeps.
        cut_floats: q, floats for each sample at a cut: tokens (class token and prompts included) times width.
        head, body, tail, prompts: |W_h|, |W_b|, |W_t| and |p|, parameters.
        head_flops, body_flops, tail_flops, prompt_flops: c_h, c_b, c_t and c_p, forward FLOPs of a sample; c_p are
            those of the way back to the prompts.
        client_rate, server_rate: P_C and P_S, FLOP/s of a device and of the whole server.
        link_rate: R, bytes/s of a device's link, in each direction.
        float_bytes: b_f.
    """

    clients: int
    samples: float
    epochs: float
    kept: float
    cut_floats: float
    head: float
    body: float
    tail: float
    prompts: float
    head_flops: float
    body_flops: float
    tail_flops: float
    prompt_flops: float
    client_rate: float
    server_rate: float
    link_rate: float
    float_bytes: float = 4

    def device(self, flops: float) -> Work:
        """Return a work on a device."""
        return Work.at(flops, self.client_rate)

    def server(self, flops: float) -> Work:
        """Return a work at the server, for one of K devices that share it equally."""
        return Work.at(flops, self.server_rate / self.clients)

    def sent(self, floats: float) -> Transfer:
        """Return the transfer of so many floats."""
        return Transfer.over(self.float_bytes * floats, self.link_rate)


def fl(s: Symbols) -> Figures:
    """Return a round of FL: bytes 2 |W| b_f K, device work 3 c n U each, latency 3 c n U / P_C + 2 |W| b_f / R [D]."""
    flops = 3 * (s.head_flops + s.body_flops + s.tail_flops) * s.samples * s.epochs
    model = s.sent(s.head + s.body + s.tail)
    return of_fl([Device(model, [(1, s.device(flops))], model)] * s.clients)


def _all_pushed(s: Symbols, pushed: float, body_backward: float, head_backward: float) -> SplitBatch:
    """Return all samples that a client pushes through the split as one batch, U-shaped.

    Args:
        s: the symbols.
        pushed: the number of samples.
        body_backward, head_backward: FLOPs of the backward passes of one sample.
    """
    leg = s.sent(s.cut_floats * pushed)
    return SplitBatch(
        head_forward=s.device(s.head_flops * pushed),
        smashed=leg,
        body_forward=s.server(s.body_flops * pushed),
        features=leg,
        tail=s.device(3 * s.tail_flops * pushed),
        feature_gradient=leg,
        body_backward=s.server(body_backward * pushed),
        smashed_gradient=leg,
        head_backward=s.device(head_backward * pushed),
    )


def sfl(s: Symbols) -> Figures:
    """Return a round of U-shaped SFL that trains everything [D]::

    bytes   = [4 q n U b_f + 2 (|W_h| + |W_t|) b_f] K
    latency = 3 (c_h + c_t) n U / P_C + 4 q n U b_f / R + 3 c_b n U K / P_S + 2 (|W_h| + |W_t|) b_f / R
    """
    pushed = s.samples * s.epochs
    model = s.sent(s.head + s.tail)
    batch = _all_pushed(s, pushed, body_backward=2 * s.body_flops, head_backward=2 * s.head_flops)
    return version_1([SplitDevice(model, [(1, batch)], model)] * s.clients)


def sfprompt(s: Symbols) -> Figures:
    """Return a round of SFPrompt with one epoch of split training [D]::

    bytes       = [4 q gamma n b_f + 2 (|W_t| + |p|) b_f] K
    device work = U n (c_h + 3 c_t + c_p) + n (c_h + c_t) + gamma n (c_h + 3 c_t + c_p)
    server work = gamma n K 2 c_b
    latency     = device work / P_C + 4 q gamma n b_f / R + server work / P_S + 2 (|W_t| + |p|) b_f / R
    """
    pushed = s.kept * s.samples
    trained = s.sent(s.tail + s.prompts)
    batch = _all_pushed(s, pushed, body_backward=s.body_flops, head_backward=s.prompt_flops)
    local = s.device((s.head_flops + 3 * s.tail_flops + s.prompt_flops) * s.samples * s.epochs)
    scores = s.device((s.head_flops + s.tail_flops) * s.samples)
    return of_sfprompt([PromptDevice(trained, [(1, local)], [(1, scores)], [(1, batch)], trained)] * s.clients)
