"""Algorithms that compress what they send: they learn, and a dry run charges the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from simulator.algorithms.base import Algorithm
from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.fedprox import FedProx
from simulator.algorithms.sfprompt import SFPrompt
from simulator.algorithms.split_learning import SplitLearning
from simulator.algorithms.splitfed import SplitFed
from simulator.transport.channels import Notes
from simulator.world.memory import Memory
from tests.helpers.caches import forget
from tests.helpers.grids import grid
from tests.helpers.learners import Run, equal, go, training

METHODS: dict[str, dict[str, Any]] = {
    "fp16": {"name": "fp16"},
    "int8": {"name": "int8"},
    "int8 by row": {"name": "int8", "scale": "row"},
    "top_k": {"name": "top_k", "fraction": 0.6},
    "cos_sgd": {"name": "cos_sgd", "bits": 6},
    "product_quantisation": {"name": "product_quantisation", "subvectors": 40, "clusters": 8},
}
CHANGE = {"of": "change"}
TOP_K = {"name": "top_k", "fraction": 0.1, "of": "change"}
CASES: dict[str, tuple[Algorithm, dict[str, Any], dict[str, Any]]] = {
    **{f"fl {name}": (FedAvg(), {"model up": method}, {}) for name, method in METHODS.items() if name != "top_k"},
    "fl top_k change": (FedAvg(), {"model up": TOP_K}, {}),
    "fl int8 change, both ways": (FedAvg(), {"model up": METHODS["int8"] | CHANGE, "model down": METHODS["int8"]}, {}),
    "fl cos_sgd change, fp16": (FedAvg(), {"model up": METHODS["cos_sgd"] | CHANGE}, {"wire_dtype": "fp16"}),
    "fedprox top_k change": (FedProx(), {"model up": TOP_K}, {}),
    **{f"sfl {name}": (SplitFed(), {"smashed data": method}, {}) for name, method in METHODS.items()},
    "sfl all ways": (
        SplitFed(version="v2"),
        {
            "smashed data": METHODS["product_quantisation"] | {"correction": 0.001},
            "smashed gradient": METHODS["fp16"],
            "features": METHODS["int8 by row"],
            "feature gradient": METHODS["int8"],
            "model": METHODS["fp16"],
        },
        {},
    ),
    "sfl, labels sent": (
        SplitFed(labels="sent"),
        {"smashed data and labels": METHODS["product_quantisation"] | {"correction": 0.001}},
        {"wire_dtype": "bf16"},
    ),
    "sfl linear": (
        SplitFed(),
        {"smashed data": METHODS["product_quantisation"] | {"correction": 0.01}, "frozen weights": METHODS["fp16"]},
        {"train": "linear"},
    ),
    "sl": (SplitLearning(), {"smashed data": METHODS["int8"], "model up": TOP_K}, {}),
    "sfprompt": (
        SFPrompt(),
        {
            "prompts and tail up": TOP_K,
            "frozen weights": METHODS["int8"],
            "smashed data": METHODS["int8"],
        },
        {},
    ),
}

ALIKE = {"fl fp16", "fl int8 by row", "fl product_quantisation", "sfl fp16", "sfl int8", "sfl cos_sgd"}
"""Methods that are tried in another case too."""


def both(case: str) -> tuple[Run, Run]:
    """The dry run and the real one, with nothing remembered."""
    algorithm, compression, settings = CASES[case]
    runs = []
    for dry in (True, False):
        forget()
        runs.append(go(algorithm, training(compression=compression, rounds=3, **settings), dry=dry))
    return runs[0], runs[1]


@pytest.mark.parametrize("case", grid(CASES, often=lambda case: case not in ALIKE))
def test_dry_is_real(case: str) -> None:
    dry, real = both(case)
    assert dry.world.ledger == real.world.ledger
    assert dry.works(work="encode")
    assert dry.works(work="decode")
    for one, two in zip(dry.world.sites, real.world.sites, strict=True):
        assert one.memory.peak_bytes == two.memory.peak_bytes
        assert one.memory.bytes == two.memory.bytes


def loss(run: Run) -> list[float]:
    """On the test samples, before and after."""
    start, end = run.task.evaluate([{}]), run.task.evaluate([run.trained])
    assert start
    assert end
    return [start.loss, end.loss]


@pytest.mark.parametrize(
    "case",
    grid(
        [case for case in CASES if case.startswith(("fl", "sfl")) and "linear" not in case],
        often=lambda case: case in ("fl top_k change", "fl cos_sgd change, fp16", "sfl int8", "sfl all ways"),
    ),
)
def test_it_still_learns(case: str) -> None:
    algorithm, compression, settings = CASES[case]
    settings = {"rounds": 4, "optimizer": {"name": "sgd", "learning_rate": 0.1}, **settings}
    before, after = loss(go(algorithm, training(compression=compression, **settings), samples=20))
    assert after < 0.85 * before


@pytest.mark.parametrize(
    "compression", [{}, {"smashed data": METHODS["int8"], "model down": None}], ids=["nothing", "what others send"]
)
def test_without_compression_nothing_is_other_than_it_was(compression: dict[str, Any]) -> None:
    bare, run = go(FedAvg()), go(FedAvg(), training(compression=compression))
    assert bare.world.ledger == run.world.ledger
    assert equal(bare.trained, run.trained)
    assert not run.works(work="encode")
    assert not run.world.channels


def test_bytes_fall_as_the_formula_says() -> None:
    """Each tensor of n entries becomes n codes and a step of 4 bytes."""
    bare, run = go(FedAvg()), go(FedAvg(), training(compression={"model up": METHODS["int8"]}))
    tensors = run.task.trainable().values()
    wanted = sum(tensor.numel() + 4 for tensor in tensors)
    assert {row.bytes for row in run.transfers() if row.source == row.client} == {wanted}
    up, down = (
        [sum(row.bytes for row in each.transfers() if (row.source == row.client) is way) for each in (bare, run)]
        for way in (True, False)
    )
    assert up[1] < 0.3 * up[0]
    assert down[0] == down[1]


def test_coding_stands_in_the_phase_and_round_of_what_is_sent() -> None:
    compression = {"smashed data": METHODS["fp16"], "frozen weights": METHODS["fp16"]}
    run = go(SplitFed(), training("bias", compression=compression))
    for kind, phase in (("smashed data", "split training"), ("frozen weights", "provisioning")):
        sent = run.transfers(kind=kind)
        assert {row.phase for row in sent} == {phase}
        for work in ("encode", "decode"):
            rows = run.works(work=work, phase=phase)
            assert sorted((row.client, row.round) for row in rows) == sorted((row.client, row.round) for row in sent)
    assert {row.site for row in run.works(work="encode", phase="provisioning")} == {"server"}
    assert {row.site == row.client for row in run.works(work="encode", phase="split training")} == {True}


def test_what_is_left_out_counts_in_a_clients_memory() -> None:
    compressed = {"model up": TOP_K}
    bare, run = (go(FedAvg(), training(compression=each, rounds=3)) for each in ({}, compressed))
    size = sum(4 * tensor.numel() for tensor in run.task.trainable().values())
    chosen = [client for client in run.clients if "model" in client.store(Notes).left_out]
    assert {client.name for client in chosen} == {row.client for row in run.world.ledger.engagements}
    for client in chosen:
        assert client.site.stores.weigh() == size
    peaks = [max(site.memory.peak_bytes for site in each.world.sites[1:]) for each in (bare, run)]
    assert peaks[1] >= peaks[0] + 2 * size, "what was received, and what was left out"


def test_what_was_received_counts_once_however_often_it_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """FedProx keeps it to be pulled back to it, and the channel keeps it to send the change to it."""
    stored: list[int] = []
    monkeypatch.setattr(Memory, "store", lambda memory, nbytes: stored.append(nbytes))
    run = go(FedProx(), training(compression={"model up": METHODS["int8"] | CHANGE}), dry=True)
    assert max(stored) == sum(4 * tensor.numel() for tensor in run.task.trainable().values())


def test_all_of_the_entries_are_as_no_compression() -> None:
    """Top-k of everything is the change itself, up to rounding."""
    compressed = {"model up": {"name": "top_k", "fraction": 1.0, "of": "change"}}
    bare, run = (go(FedAvg(), training(compression=each)) for each in ({}, compressed))
    for name, tensor in bare.trained.items():
        torch.testing.assert_close(run.trained[name], tensor, rtol=1e-4, atol=1e-5)


def test_smashed_data_are_encoded_with_labels_beside_them_too() -> None:
    """Labels travel as they are; a kind's own name counts before one that covers it."""
    algorithm = SplitFed(labels="sent")
    plain, coded = (
        go(algorithm, training(rounds=1, compression=compression), clients=1, dry=True).transfers(
            kind="smashed data and labels"
        )
        for compression in ({}, {"smashed data": METHODS["int8"]})
    )
    assert all(after.bytes < before.bytes / 2 for before, after in zip(plain, coded, strict=True))
    own = {"smashed data": METHODS["int8"], "smashed data and labels": None}
    named = go(algorithm, training(rounds=1, compression=own), clients=1, dry=True)
    assert [row.bytes for row in named.transfers(kind="smashed data and labels")] == [row.bytes for row in plain]
