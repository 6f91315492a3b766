"""One seed, many streams: each found by its key, and by nothing else."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from simulator.settings.seeds import Seeds

KEYS = [("cohort", 1), ("cohort", 2), ("cohort", 1, "a"), ("batches", 1), ("cohort1",), ("cohort", "1"), ()]


def test_a_number_is_the_first_63_bits_of_a_hash_of_seed_and_key() -> None:
    digest = hashlib.blake2b(b"(7, 'batches', 'train', 3, 'pi-0', 1)", digest_size=8).digest()
    by_hand = sum(byte << (8 * (7 - place)) for place, byte in enumerate(digest)) // 2
    assert Seeds(7).integer("batches", "train", 3, "pi-0", 1) == by_hand
    assert 0 <= by_hand < 2**63


def test_another_process_with_another_hash_seed_finds_the_same_number() -> None:
    code = "from simulator.settings.seeds import Seeds; print(Seeds(3).integer('cohort', 5, 'a'))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert found == {str(Seeds(3).integer("cohort", 5, "a"))}


def test_keys_and_seeds_that_differ_at_all_give_different_numbers() -> None:
    assert len({Seeds(seed).integer(*key) for seed in range(20) for key in KEYS}) == 20 * len(KEYS)


def test_what_one_part_draws_does_not_shift_what_another_draws() -> None:
    seeds = Seeds(0)
    alone = seeds.stream("batches", 1).random(5).tolist()
    seeds.stream("cohort", 1).random(1000)
    seeds.stream("batches", 2).random(3)
    assert seeds.stream("batches", 1).random(5).tolist() == alone


def test_the_order_of_the_calls_does_not_matter() -> None:
    forwards = {key: Seeds(0).stream(*key).random() for key in KEYS}
    backwards = {key: Seeds(0).stream(*key).random() for key in reversed(KEYS)}
    assert forwards == backwards


def test_nothing_is_drawn_from_the_global_stream() -> None:
    np.random.seed(5)
    expected = np.random.RandomState(5).random(3).tolist()
    Seeds(0).stream("cohort", 1).random(10)
    assert np.random.random(3).tolist() == expected


@pytest.mark.parametrize("pair", [(("a", 1), ("a", 2)), (("a",), ("b",)), (("a", 1), ("b", 1))])
def test_streams_of_different_keys_do_not_go_together(pair: tuple) -> None:
    """The correlation of 4,000 independent pairs has a standard deviation of 1/63; 0.1 is more than six of them."""
    left, right = (Seeds(0).stream(*key).random(4000) for key in pair)
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.1


def test_neighbouring_keys_give_evenly_spread_numbers() -> None:
    """The mean of 2,000 uniform numbers has a standard deviation of 0.0065."""
    numbers = [Seeds(0).integer("cohort", number) / 2**63 for number in range(2000)]
    assert abs(float(np.mean(numbers)) - 0.5) < 0.04
    assert abs(float(np.var(numbers)) - 1 / 12) < 0.01


def test_seeds_are_values() -> None:
    assert Seeds(4) == Seeds(4)
    with pytest.raises(AttributeError):
        Seeds(4).seed = 5  # type: ignore[misc]
