"""Trials that are killed after an aggregation and go on from their checkpoint, compared with undisturbed ones."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import torch

from simulator.experiments.trial.checkpoint import Checkpoints
from simulator.experiments.trial.result import TrialResult
from simulator.experiments.trial.trial import Trial
from simulator.learning.data.lazy import LazyBatch
from simulator.learning.models.weights import Weights
from simulator.scenario.checkpoint import CheckpointSettings
from simulator.scenario.scenario import Scenario
from tests.helpers.small_trials import scenario

ALWAYS = CheckpointSettings(every=1)
KEY = "this trial"
DEVICES: list[dict[str, Any]] = [
    {"name": "raspberry-pi-4", "count": 4},
    {"name": "jetson-nano", "count": 2, "uplink": "lte", "memory_bandwidth": "1 GB/s"},
]
DATA = {"name": "synthetic", "samples": 60, "test_samples": 30, "classes": 4, "partition": {"name": "iid"}}


def small(folder: Path, label: str, driver: dict[str, Any] | None = None, **changes: Any) -> Scenario:
    """Return a scenario of six devices and three rounds with one entry of ``small_trials``.

    Args:
        folder: the folder for its file.
        label: the label of the entry.
        driver: the driver; None: the synchronous one.
        changes: by key of the scenario, what else differs.
    """
    world = {"devices": DEVICES, **changes.pop("world", {})}
    training = {"rounds": 3, "clients_per_round": 3, **changes.pop("training", {})}
    if driver:
        training["driver"] = driver
    evaluation = {"samples": 10, "clients": 3, **changes.pop("evaluation", {})}
    data = changes.pop("data", DATA)
    return scenario(folder, [label], world=world, training=training, data=data, evaluation=evaluation, **changes)


def checkpoints(path: Path, told: list[str] | None = None, key: str = KEY) -> Checkpoints:
    """Return checkpoints after every aggregation; what is told goes into a list."""
    return Checkpoints(path, ALWAYS, key, (told if told is not None else []).append)


def recorded(trial: Scenario, path: Path, told: list[str] | None = None) -> tuple[Trial, dict[int, bytes]]:
    """Run a trial to its end; return it, and the file of the checkpoint after each aggregation, where one was made.

    Args:
        trial: the scenario with one entry.
        path: the file.
        told: receives what the user is told.
    """
    running, files = Trial(trial, trial.algorithms[0], 0, checkpoints=checkpoints(path, told)), {}
    before = b""
    for point in running.rounds():
        now = path.read_bytes() if path.exists() else b""
        if now != before:
            before = files[point.round] = now
    running.result()
    path.unlink(missing_ok=True)
    return running, files


def gone_on(trial: Scenario, path: Path, file: bytes) -> Trial:
    """Run a trial to its end from the file of a checkpoint."""
    path.write_bytes(file)
    told: list[str] = []
    kept = checkpoints(path, told)
    running = Trial(trial, trial.algorithms[0], 0, checkpoints=kept)
    running.run()
    assert kept.resumed, told
    return running


def differences(one: Trial, other: Trial) -> list[str]:
    """Return in what the results of two trials that are over differ, and the values that are left at their sites."""
    results: list[TrialResult] = [trial.result() for trial in (one, other)]
    found = [
        name
        for name in ("rounds", "uses", "client_peaks", "server_peak", "edge_peaks", "class_counts", "standstill")
        if getattr(results[0], name) != getattr(results[1], name)
    ]
    tables = [result.ledger.tables() for result in results]
    found += [f"ledger: {name}" for name in tables[0] if list(tables[0][name]) != list(tables[1][name])]
    left = [_left(trial) for trial in (one, other)]
    return found + [f"record: {name}" for name in {**left[0], **left[1]} if left[0].get(name) != left[1].get(name)]


def _left(trial: Trial) -> dict[str, Any]:
    """Return what is in the records of all sites at the end."""
    assert trial.simulation is not None
    return {
        f"{kind.__name__} at {site.name}": {field: _digest(value) for field, value in vars(record).items()}
        for site in trial.simulation.world.sites
        for kind, record in site.stores.items()
    }


def _digest(value: Any) -> Any:
    """Return plain data that are equal for equal values."""
    if isinstance(value, torch.Tensor):
        memory = b"" if value.is_meta or not value.numel() else value.detach().contiguous().reshape(-1)
        raw = memory if isinstance(memory, bytes) else memory.view(torch.uint8).numpy().tobytes()
        return tuple(value.shape), value.dtype, value.is_meta, hashlib.sha256(raw).hexdigest()
    if isinstance(value, LazyBatch):
        return _digest(value.tensor())
    if isinstance(value, Weights):
        random = None if value.random is None else str(value.random.bit_generator.state)
        rest = value.learning_rate, value.round, value.version, sorted(value._owned), random
        return {name: _digest(tensor) for name, tensor in value.items()}, _digest(value._slots), rest
    if isinstance(value, dict):
        return type(value).__name__, {key: _digest(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return type(value).__name__, [_digest(part) for part in value]
    return value if isinstance(value, int | float | str | None) else type(value).__name__
