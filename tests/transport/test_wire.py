"""What crosses a link: bytes by hand, digits of the wire's type, a copy of the receiver's own."""

from typing import Any

import pytest
import torch

from simulator.accounting.payload import Frozen
from simulator.learning.data.lazy import LazyBatch
from simulator.learning.data.tokens import Tokens
from simulator.transport.wire import Wire

VALUES = torch.tensor([1.0, 1 / 3, 1e-9, 70000.0, -2.5])


def test_bytes_by_hand() -> None:
    payload = {"a": torch.zeros(3, 5), "b": [torch.zeros(7, dtype=torch.int64), (2, 0.5)]}
    assert Wire("fp32").carry(payload)[1] == 4 * 15 + 8 * 7 + 8 + 8
    assert Wire("fp16").carry(payload)[1] == 2 * 15 + 8 * 7 + 8 + 8
    assert Wire("bf16").carry(payload)[1] == 2 * 15 + 8 * 7 + 8 + 8


def test_a_wider_type_travels_as_the_wires() -> None:
    assert Wire("fp32").carry(torch.zeros(3, dtype=torch.float64))[1] == 12


@pytest.mark.parametrize(("name", "dtype"), [("fp16", torch.float16), ("bf16", torch.bfloat16)])
def test_the_receiver_computes_with_what_arrived(name: str, dtype: torch.dtype) -> None:
    arrived, _ = Wire(name).carry(VALUES)
    assert arrived.dtype == torch.float32
    assert torch.equal(arrived, VALUES.to(dtype).float())
    assert not torch.equal(arrived, VALUES)


def test_integers_arrive_as_they_were() -> None:
    labels = torch.tensor([1, 2**40])
    assert torch.equal(Wire("fp16").carry(labels)[0], labels)


@pytest.mark.parametrize("dtype", ["fp32", "fp16"])
def test_ids_that_are_not_looked_up_yet_arrive_as_they_were(dtype: str) -> None:
    ids = torch.tensor([[5, 2**24 + 1], [3, -1]], dtype=torch.int32)
    texts = Tokens(ids, torch.zeros(2, dtype=torch.int64), 2, file_bytes=lambda: None)
    arrived, nbytes = Wire(dtype).carry(LazyBatch(texts, torch.tensor([1, 0])))
    assert (nbytes, arrived.dtype, arrived.tensor().dtype) == (8 * 4, torch.int64, torch.int64)
    assert arrived.tensor().tolist() == [[3, -1], [5, 2**24 + 1]]


@pytest.mark.parametrize("dtype", ["fp32", "fp16"])
def test_a_copy_is_the_receivers_own_and_holds_no_graph(dtype: str) -> None:
    sent = VALUES.clone().requires_grad_()
    arrived, _ = Wire(dtype).carry({"a": 2 * sent, "b": sent, "c": torch.tensor([1, 2])})
    assert not any(tensor.requires_grad for tensor in arrived.values())
    arrived["b"].zero_()
    assert torch.equal(sent.detach(), VALUES)


@pytest.mark.parametrize("leaf", ["text", None, b"bytes", object()])
def test_what_has_no_size_is_refused_by_name(leaf: Any) -> None:
    with pytest.raises(TypeError, match=f"cannot send a {type(leaf).__name__}: only tensors and numbers"):
        Wire().carry({"a": torch.zeros(1), "b": [leaf]})


def test_frozen_weights_are_counted_each_time_and_rounded_once() -> None:
    wire = Wire("fp16")
    weights = Frozen(a=VALUES)
    (one, first), (two, second) = wire.carry(weights), wire.carry(weights)
    assert first == second == 10
    assert one["a"] is two["a"]
    assert torch.equal(one["a"], VALUES.half().float())
    assert Wire("fp32").carry(weights)[0]["a"] is VALUES


def test_a_dry_payload_has_the_same_bytes() -> None:
    for dtype in ("fp32", "fp16"):
        assert Wire(dtype).carry([VALUES.to("meta")])[1] == Wire(dtype).carry([VALUES])[1]


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("dtype", ["fp32", "fp16", "bf16"])
def test_what_is_as_narrow_or_narrower_is_not_widened_and_arrives_as_it_was(dtype: str, frozen: bool) -> None:
    halves = VALUES.half()
    arrived, nbytes = Wire(dtype).carry(Frozen(a=halves) if frozen else {"a": halves})
    assert nbytes == 2 * len(VALUES)
    assert arrived["a"].dtype == torch.float32
    assert torch.equal(arrived["a"], halves.float())
    assert Wire(dtype).carry(halves.to("meta"))[1] == nbytes
