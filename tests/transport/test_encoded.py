"""What a link does to tensors: counted by hand, rounded as IEEE 754 says, copied, detached."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Any

import pytest
import torch

from simulator.accounting.payload import Frozen
from simulator.learning.data.lazy import LazyBatch
from simulator.transport.wire import Wire
from simulator.world.hardware import Hardware
from simulator.world.sites import Site
from simulator.world.world import World
from tests.helpers.channels import Table

VALUES = [1 / 3, -2.7, 65000.0, 1e-3, 0.0, 1.0009765625]


def as_fp16(value: float) -> float:
    """The nearest half-precision number, by the standard library."""
    return float(struct.unpack("e", struct.pack("e", value))[0])


def as_bf16(value: float) -> float:
    """The nearest number with 8 bits of mantissa, ties to even, on the bits of a float32."""
    (bits,) = struct.unpack("I", struct.pack("f", value))
    bits = (bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000
    return float(struct.unpack("f", struct.pack("I", bits))[0])


NARROW = pytest.mark.parametrize(("dtype", "rounded"), [("fp16", as_fp16), ("bf16", as_bf16)])


@pytest.mark.parametrize(
    ("payload", "nbytes"),
    [
        (torch.zeros(3, 5), 60),
        (torch.zeros(3, 5, dtype=torch.int64), 120),
        (torch.zeros(7, dtype=torch.uint8), 7),
        (torch.zeros(7, dtype=torch.bool), 7),
        (torch.zeros(0, 9), 0),
        (5, 8),
        (2.5, 8),
        ({"a": torch.zeros(2), "b": [torch.zeros(3), (1, 2.0)]}, 8 + 12 + 16),
        ((), 0),
        (torch.zeros(2, 3, device="meta"), 24),
    ],
)
def test_bytes_are_elements_times_their_size_and_a_number_is_eight(payload: Any, nbytes: int) -> None:
    assert Wire().carry(payload)[1] == nbytes


def test_a_view_counts_what_it_shows_and_not_what_lies_behind_it() -> None:
    assert Wire().carry(torch.zeros(100)[:3])[1] == 12
    assert Wire().carry(torch.zeros(1).expand(50))[1] == 200


@pytest.mark.parametrize("leaf", ["text", None, b"raw", Fraction(1, 2), 1j, {1, 2}, object])
def test_other_leaves_are_refused_by_the_name_of_their_type(leaf: Any) -> None:
    with pytest.raises(TypeError, match=rf"cannot send a {type(leaf).__name__}:"):
        Wire().carry({"weights": [torch.zeros(2), leaf]})


def test_a_refused_payload_leaves_no_row() -> None:
    world = World(Wire())
    pair = [Site(world, name, Hardware(1.0)) for name in "ab"]
    with pytest.raises(TypeError, match="str"):
        world.run(pair[0].send(pair[1], "text", "x"))
    assert not world.ledger.transfers


@NARROW
def test_a_narrow_wire_halves_the_bytes_and_really_rounds(dtype: str, rounded: Any) -> None:
    copy, nbytes = Wire(dtype).carry(torch.tensor(VALUES))
    assert nbytes == 2 * len(VALUES)
    assert copy.dtype == torch.float32
    assert copy.tolist() == [rounded(torch.tensor(value).item()) for value in VALUES]
    assert copy.tolist() != torch.tensor(VALUES).tolist()


@pytest.mark.parametrize("dtype", ["fp32", "fp16", "bf16"])
def test_integer_tensors_are_never_converted(dtype: str) -> None:
    labels = torch.tensor([2**53 + 1, -3, 70001])
    copy, nbytes = Wire(dtype).carry({"x": torch.zeros(1), "y": labels})
    assert copy["y"].dtype == torch.int64
    assert copy["y"].tolist() == [2**53 + 1, -3, 70001]
    assert nbytes == 24 + (4 if dtype == "fp32" else 2)


@pytest.mark.parametrize("dtype", ["fp32", "fp16", "bf16"])
@pytest.mark.parametrize("integer", [False, True])
def test_sender_and_receiver_do_not_share_memory(dtype: str, integer: bool) -> None:
    mine = torch.arange(4) if integer else torch.arange(4.0)
    copy, _ = Wire(dtype).carry(mine)
    copy[0] = 100
    mine[1] = 200
    assert (mine.tolist(), copy.tolist()) == ([0, 200, 2, 3], [100, 1, 2, 3])


@pytest.mark.parametrize("dtype", ["fp32", "fp16", "bf16"])
def test_no_graph_crosses_the_wire(dtype: str) -> None:
    leaf = torch.ones(2, requires_grad=True)
    copies, _ = Wire(dtype).carry([leaf, leaf * 2])
    assert [(copy.requires_grad, copy.grad_fn) for copy in copies] == [(False, None)] * 2


def test_a_payload_keeps_its_structure() -> None:
    copy, _ = Wire().carry({"a": (1, [2.5, torch.ones(1)])})
    assert copy["a"][0] == 1
    assert copy["a"][1][0] == 2.5
    assert copy == {"a": (1, [2.5, torch.ones(1)])}


def test_two_receivers_of_one_payload_get_copies_of_their_own() -> None:
    wire, state = Wire(), torch.zeros(2)
    first, second = wire.carry(state)[0], wire.carry(state)[0]
    first += 1
    assert second.tolist() == [0, 0]


@NARROW
def test_frozen_weights_are_rounded_once_and_shared_by_all_receivers(dtype: str, rounded: Any) -> None:
    wire, frozen = Wire(dtype), Frozen(w=torch.tensor(VALUES), n=torch.tensor([2**40 + 1]))
    (first, nbytes), (second, _) = wire.carry(frozen), wire.carry(frozen)
    assert nbytes == 2 * len(VALUES) + 8
    assert first["w"] is second["w"]
    assert first["w"].tolist() == [rounded(torch.tensor(value).item()) for value in VALUES]
    assert first["n"].tolist() == [2**40 + 1]


@pytest.mark.parametrize(("dtype", "rounded"), [("fp32", lambda value: value), ("fp16", as_fp16), ("bf16", as_bf16)])
def test_rows_not_yet_looked_up_count_and_round_as_their_tensor_would(dtype: str, rounded: Any) -> None:
    values = torch.tensor(VALUES).view(3, 2)
    wire, index = Wire(dtype), torch.tensor([2, 0])
    copy, nbytes = wire.carry(LazyBatch(Table(values), index))
    as_tensor, same_bytes = wire.carry(values[index])
    assert nbytes == same_bytes == 4 * (4 if dtype == "fp32" else 2)
    assert copy.tensor().tolist() == as_tensor.tolist()
    assert copy.tensor().flatten().tolist() == [rounded(value) for value in values[index].flatten().tolist()]


def test_the_receiver_s_value_is_the_wire_s_copy_of_the_moment_of_sending() -> None:
    world = World(Wire("fp16"))
    pair = [Site(world, name, Hardware(1.0)) for name in "ab"]
    pair[0].uplink.bytes_per_s = 1.0
    mine = torch.full((2,), 1 / 3)

    def change() -> Any:
        yield world.env.timeout(1)
        mine.zero_()

    copy, _ = world.run(world.together(pair[0].send(pair[1], mine, "x"), change()))
    assert copy.tolist() == [as_fp16(1 / 3)] * 2
    assert world.now == 4
