"""The wire of a dry run counts what the other one does, and hands over dicts of the receiver's own."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from simulator.accounting.payload import Frozen
from simulator.transport.dry_wire import DryWire
from simulator.transport.wire import Wire


def blank(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.empty(shape, dtype=dtype, device="meta")


MODEL = {"a": blank(3, 5), "b": blank(7), "n": blank(2, dtype=torch.int64), "h": blank(4, dtype=torch.float16)}
PAYLOADS: list[Any] = [
    MODEL,
    Frozen(MODEL),
    {},
    blank(9),
    (blank(4, 2), torch.tensor([1, 2, 3])),
    [MODEL, (MODEL, 3), {"step": 2, "loss": 0.5, "deeper": {"a": blank(6)}}],
]


@pytest.mark.parametrize("dtype", ["fp32", "fp16"])
@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
def test_it_counts_and_hands_over_what_the_other_wire_does(payload: Any, dtype: str) -> None:
    wire = DryWire(dtype)
    expected, nbytes = Wire(dtype).carry(payload)
    for _ in range(2):  # the second time it is known
        arrived, counted = wire.carry(payload)
        assert (repr(arrived), counted) == (repr(expected), nbytes)


def test_what_one_receiver_writes_no_other_sees() -> None:
    wire, sent = DryWire(), dict(MODEL)
    one, other = wire.carry(sent)[0], wire.carry(sent)[0]
    one["a"] = other["b"]
    assert sent == MODEL == other
    assert wire.carry(one)[1] == Wire().carry(one)[1] == 4 * (7 + 7) + 16 + 8


def test_what_has_no_size() -> None:
    with pytest.raises(TypeError, match="cannot send a str"):
        DryWire().carry({"a": blank(1), "b": ["text"]})
