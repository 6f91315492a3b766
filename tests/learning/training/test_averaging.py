"""How updates meet."""

import numpy as np
import pytest
import torch

from simulator.accounting.copy_on_write import CopyOnWrite, Entries
from simulator.accounting.payload import tree_bytes
from simulator.learning.training.averaging import filled_mean, weighted_mean
from simulator.world.hardware import Measured


def test_mean_by_hand() -> None:
    values = [
        {"a": torch.tensor([1.0, 2.0]), "b": [torch.tensor([3.0])]},
        {"a": torch.tensor([5.0, 4.0]), "b": [torch.tensor([7.0])]},
    ]
    mean = weighted_mean(values, [1, 3])
    assert mean["a"].tolist() == [4.0, 3.5]
    assert mean["b"][0].tolist() == [6.0]
    assert values[0]["a"].tolist() == [1.0, 2.0]


def test_the_mean_of_one_is_that_one_to_the_bit() -> None:
    value = {"a": torch.randn(50)}
    assert torch.equal(weighted_mean([value], [17])["a"], value["a"])


def test_it_is_the_mean_that_numpy_takes() -> None:
    values = [
        {"a": torch.randn(4, 3, dtype=torch.float64), "b": [torch.randn(5, dtype=torch.float64)]} for _ in range(9)
    ]
    weights = [float(number) for number in range(1, 10)]
    mean = weighted_mean(values, weights)
    for tensor, rows in ((mean["a"], [v["a"] for v in values]), (mean["b"][0], [v["b"][0] for v in values])):
        assert np.allclose(tensor, np.average(np.stack(rows), axis=0, weights=weights), rtol=1e-12)


def test_many_updates_take_as_much_memory_as_two() -> None:
    """At most the sum, as large as the first update, and the largest of those that are added."""
    sizes = 10, 30, 20
    cost = weighted_mean.cost([[torch.zeros(size)] for size in sizes], [1, 1, 1])
    assert (cost.bytes_touched, cost.peak_bytes) == (4 * (60 + 10), 4 * (10 + 30))
    many = weighted_mean.cost([{"a": torch.zeros(10)}] * 1000, [1] * 1000)
    assert (many.bytes_touched, many.peak_bytes) == (4 * 1001 * 10, 4 * 2 * 10)


def test_a_dry_mean_has_the_names_and_shapes_and_still_looks_at_all() -> None:
    blank = torch.empty(3, device="meta")
    shared = Entries({"a": blank})
    assert weighted_mean([CopyOnWrite(shared)] * 3, [1, 2, 3]) == {"a": blank}
    with pytest.raises(KeyError):
        weighted_mean([CopyOnWrite(shared), {"b": blank}], [1, 1])


def test_weights_of_nothing() -> None:
    for mean, rest in ((weighted_mean, ()), (filled_mean, ({},))):
        with pytest.raises(ValueError, match=r"updates weigh \[0, 0\]: nothing to average by"):
            mean([{}, {}], [0, 0], *rest)


def test_it_is_charged_by_bytes() -> None:
    """Every update is read, and one result written; the sum and one update are in memory, where a number weighs 0."""
    values = [{"a": torch.zeros(10), "n": 3}] * 4
    cost = weighted_mean.cost(values, [1] * 4)
    assert tree_bytes(values[0]) == 40
    assert (cost.flops, cost.bytes_touched, cost.peak_bytes) == (0, 5 * 40, 2 * 40)


def test_a_table_has_the_seconds_of_a_mean_by_the_kib_of_all_updates() -> None:
    """A table without such a row, of an older release, leaves it to the bandwidth: 4 KiB are read, 1 KiB is written."""
    cost = weighted_mean.cost([{"a": torch.zeros(256)}] * 4, [1] * 4)
    assert Measured(1.0, table={"weighted_mean": ((1, 3.0), (5, 7.0))}).seconds(cost) == 6.0
    assert Measured(1.0, memory_bandwidth=1024, table={"another": ((1, 3.0),)}).seconds(cost) == 5.0


class TestFilled:
    """a is in both, b and c in one each, d in none."""

    def values(self, device: str = "cpu") -> tuple[list[dict[str, torch.Tensor]], dict[str, torch.Tensor]]:
        def row(*numbers: float) -> torch.Tensor:
            return torch.tensor(numbers, dtype=torch.float32, device=device)

        rest = {"a": row(9, 9), "b": row(4, 4, 4), "c": row(8), "d": row(7)}
        return [{"a": row(1, 2), "b": row(0, 4, 8)}, {"c": row(4), "a": row(5, 6)}], rest

    def test_by_hand(self) -> None:
        values, rest = self.values()
        mean = filled_mean(values, [1, 3], rest)
        assert {name: tensor.tolist() for name, tensor in mean.items()} == {"a": [4, 5], "b": [3, 4, 5], "c": [5]}
        assert rest["b"].tolist() == [4, 4, 4]

    def test_it_is_charged_for_what_came(self) -> None:
        """It is read, and a mean of three names written; of the rest, b and c are read. An update takes room."""
        came, mean, filled = 4 * (2 + 3 + 1 + 2), 4 * (2 + 3 + 1), 4 * (3 + 1)
        for device in ("cpu", "meta"):
            values, rest = self.values(device)
            cost = filled_mean.cost(values, [1, 3], rest)
            assert (cost.flops, cost.bytes_touched, cost.peak_bytes) == (0, came + mean + filled, mean + 4 * (2 + 3))

    def test_where_nobody_lacks_anything_it_is_the_plain_mean(self) -> None:
        values = [{"a": torch.randn(9), "b": torch.randn(4)} for _ in range(3)]
        plain, filled = weighted_mean(values, [1, 2, 5]), filled_mean(values, [1, 2, 5], {"d": torch.zeros(2)})
        assert plain.keys() == filled.keys()
        assert all(torch.equal(plain[name], filled[name]) for name in plain)
        assert weighted_mean.cost(values, [1, 2, 5]) == filled_mean.cost(values, [1, 2, 5], {"d": torch.zeros(2)})

    def test_dry(self) -> None:
        values, rest = self.values("meta")
        mean = filled_mean(values, [1, 3], rest)
        assert {name: len(tensor) for name, tensor in mean.items()} == {"a": 2, "b": 3, "c": 1}
        assert all(tensor.is_meta for tensor in mean.values())
