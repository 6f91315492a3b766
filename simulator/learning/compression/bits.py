"""Codes of a few bits, packed without a gap."""

from __future__ import annotations

import torch
from torch import Tensor


def packed_bytes(codes: int, bits: int) -> int:
    """Bytes of so many codes."""
    return -(-codes * bits // 8)


def pack(codes: Tensor, bits: int) -> Tensor:
    """Codes [N] in [0, 2^bits), the first in the lowest bits: uint8 [ceil(N bits / 8)]."""
    if bits == 8:
        return codes.to(torch.uint8)
    places = torch.arange(bits, dtype=torch.int32, device=codes.device)
    single = ((codes.to(torch.int32)[:, None] >> places) & 1).to(torch.uint8).flatten()
    padded = torch.nn.functional.pad(single, (0, -len(single) % 8)).view(-1, 8)
    return (padded << torch.arange(8, dtype=torch.uint8, device=codes.device)).sum(-1, dtype=torch.uint8)


def unpack(packed: Tensor, codes: int, bits: int) -> Tensor:
    """The codes again, int64 [``codes``]."""
    if bits == 8:
        return packed.long()
    places = torch.arange(8, dtype=torch.uint8, device=packed.device)
    single = ((packed[:, None] >> places) & 1).flatten()[: codes * bits].view(codes, bits)
    return (single.long() << torch.arange(bits, device=packed.device)).sum(-1)
