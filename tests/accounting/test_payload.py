"""The bytes of a tree of tensors: one rule for what memory, works and stores count."""

from __future__ import annotations

import torch

from simulator.accounting.payload import Frozen, tree_bytes

FIVE = torch.zeros(5)


def test_a_tensor_counts_wherever_it_stands_and_a_number_weighs_nothing() -> None:
    assert tree_bytes(FIVE) == 20
    assert tree_bytes({"a": FIVE, "b": [FIVE, (torch.zeros(2, dtype=torch.int64), 3, "a note", None)]}) == 20 + 20 + 16
    assert tree_bytes([]) == tree_bytes(3) == 0


def test_meta_tensors_count_as_if_they_were_there() -> None:
    assert tree_bytes([FIVE.to("meta"), FIVE.half().to("meta")]) == 20 + 10


def test_a_payload_that_stands_in_two_places_counts_once() -> None:
    payload = {"a": FIVE}
    assert tree_bytes([payload, (1, payload)]) == 20
    assert tree_bytes([payload, dict(payload)]) == 40


def test_what_counts_elsewhere_is_left_out_with_all_that_is_in_it() -> None:
    tree = {"frozen": Frozen(a=FIVE, more=[FIVE]), "own": FIVE}
    assert tree_bytes(tree) == 60
    assert tree_bytes(tree, lambda part: isinstance(part, Frozen)) == 20
