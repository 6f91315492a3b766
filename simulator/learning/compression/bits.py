"""Codes of a few bits each, packed without gaps."""

from __future__ import annotations

import torch
from torch import Tensor


def packed_bytes(codes: int, bits: int) -> int:
    """Return the bytes that ``codes`` codes of ``bits`` bits take."""
    return -(-codes * bits // 8)


def pack(codes: Tensor, bits: int) -> Tensor:
    """Pack integer codes [N] in [0, 2^bits) into uint8 [ceil(N bits / 8)], the first code in the lowest bits."""
    if bits == 8:
        return codes.to(torch.uint8)
    places = torch.arange(bits, dtype=torch.int32, device=codes.device)
    stream = ((codes.to(torch.int32)[:, None] >> places) & 1).to(torch.uint8).flatten()
    padded = torch.nn.functional.pad(stream, (0, -len(stream) % 8)).view(-1, 8)
    return (padded << torch.arange(8, dtype=torch.uint8, device=codes.device)).sum(-1, dtype=torch.uint8)


def unpack(packed: Tensor, codes: int, bits: int) -> Tensor:
    """Unpack what ``pack`` made.

    Args:
        packed: uint8 [ceil(codes bits / 8)].
        codes: how many codes there are.
        bits: the bits of each code.

    Returns:
        The codes, int64 [codes].
    """
    if bits == 8:
        return packed.long()
    places = torch.arange(8, dtype=torch.uint8, device=packed.device)
    stream = ((packed[:, None] >> places) & 1).flatten()[: codes * bits].view(codes, bits)
    return (stream.long() << torch.arange(bits, device=packed.device)).sum(-1)
