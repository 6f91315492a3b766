"""Dicts that share their items behave as plain ones; what one holder writes, no other sees."""

from __future__ import annotations

import copy
import pickle
import weakref
from typing import Any

import pytest
import torch

from simulator.accounting.copy_on_write import MOST_KNOWN, CopyOnWrite, Entries, Known
from simulator.accounting.payload import tree_bytes

PLAIN = {"a": torch.empty(3, device="meta"), "b": torch.empty(2, 2, device="meta")}


def shared() -> CopyOnWrite:
    return CopyOnWrite(Entries(dict(PLAIN)))


READS = {
    "unpacked": lambda d: {**d},
    "dict": dict,
    "or": lambda d: d | {"c": 1},
    "or from the right": lambda d: {"c": 1, "a": 2} | d,
    "keyword arguments": lambda d: dict(x=1, **d),
    "list": list,
    "reversed": lambda d: list(reversed(d)),
    "items": lambda d: list(d.items()),
    "values": lambda d: list(d.values()),
    "keys": lambda d: d.keys() & {"a"},
    "length": len,
    "truth": bool,
    "contains": lambda d: ("a" in d, "c" in d),
    "get": lambda d: (d.get("a"), d.get("c", 3)),
    "copy": lambda d: d.copy(),
    "shallow": copy.copy,
    "text": repr,
    "bytes": tree_bytes,
    "bytes in a tree": lambda d: tree_bytes([d, {"again": d}]),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS.keys())
def test_it_reads_as_a_plain_dict(read: Any) -> None:
    assert repr(read(shared())) == repr(read(PLAIN))


def _delete(d: Any) -> None:
    del d["a"]


WRITES = {
    "set": lambda d: d.__setitem__("a", 1),
    "delete": _delete,
    "update": lambda d: d.update({"c": 2}, d=3),
    "in place": lambda d: d.__ior__({"c": 2}),
    "pop": lambda d: d.pop("a"),
    "pop of nothing": lambda d: d.pop("c", None),
    "last": lambda d: d.popitem(),
    "default": lambda d: d.setdefault("c", 4),
    "clear": lambda d: d.clear(),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES.keys())
def test_what_is_written_is_the_writers_own(write: Any) -> None:
    entries = Entries(dict(PLAIN))
    one, other, plain = CopyOnWrite(entries), CopyOnWrite(entries), dict(PLAIN)
    write(one)
    write(plain)
    assert one == plain
    assert list(one) == list(plain)
    assert tree_bytes(one) == tree_bytes(plain)
    assert other == PLAIN == entries.tensors


def test_it_is_pickled_as_a_plain_dict() -> None:
    loaded = pickle.loads(pickle.dumps(CopyOnWrite(Entries({"a": torch.ones(2)}))))
    assert type(loaded) is dict
    assert loaded["a"].tolist() == [1, 1]


def test_equal_dicts_have_the_same_entries_and_others_have_not() -> None:
    known, twin = Known(most=2), {**PLAIN, "b": torch.empty(2, 2, device="meta")}
    first = known.of(PLAIN)
    assert known.of(dict(PLAIN)) is first
    assert known.of(CopyOnWrite(first)) is first
    assert known.of(twin) is not first
    assert known.of({"x": PLAIN["a"], "b": PLAIN["b"]}).tensors.keys() == {"x", "b"}
    assert known.of(PLAIN).tensors == PLAIN  # by now it had been forgotten


def test_some_of_them() -> None:
    entries = Entries(dict(PLAIN))
    assert entries.some(("b",)) is entries.some(("b",))
    assert (entries.some(("b",)).tensors, entries.some(("b",)).nbytes) == ({"b": PLAIN["b"]}, 16)


def test_no_more_parts_are_remembered_than_are_of_use() -> None:
    entries = Entries({f"block {number}": torch.empty(1, device="meta") for number in range(MOST_KNOWN + 10)})
    parts = [weakref.ref(entries.some((name,))) for name in entries.tensors]
    assert sum(part() is not None for part in parts) <= MOST_KNOWN
