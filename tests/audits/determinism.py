"""The same digits on repeat, in another order, beside other global random states, and dry as real.

An algorithm's result must not depend on what ran before it in the process. Every algorithm is run five times, and dry.
"""

from __future__ import annotations

import hashlib
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from analysis.goal import Target
from simulator.experiments.run.tables import breakdown_table, clients_table, rounds_table, summarise
from simulator.experiments.trial.result import TrialResult
from simulator.experiments.trial.trial import run
from simulator.scenario.scenario import Entry, Scenario, load

TARGET = Target(0.5)
LEARNED = ("final_accuracy", "best_accuracy", "final_loss", "time_to_target_s", "personal_accuracy")
LEARNED += ("personal_accuracy_worst_decile", "wall_time_s", "personal_accuracy_participants")
LEARNED += ("personal_accuracy_participants_worst_decile",)
SCENARIO = """\
name: all
seeds: [0]
threads: 1
world:
  devices:
    - {name: raspberry-pi-4, count: 3, uplink: home-wifi, downlink: home-wifi}
    - {name: jetson-nano, count: 2, uplink: lte, downlink: lte}
  server: {name: rtx-4090, uplink: {rate: 1 Gbit/s}, downlink: {rate: 1 Gbit/s}}
model:
  name: vit_tiny_patch16_224
  image_size: 32
  pretrained: false
  keywords: {patch_size: 8, depth: 4, embed_dim: 24, num_heads: 2}
data:
  name: synthetic
  samples: 60
  test_samples: 20
  classes: 4
  partition: {name: dirichlet, alpha: 1.0, min_samples: 5}
training:
  rounds: 3
  clients_per_round: 3
  batch_size: 8
  optimizer: {name: adamw, learning_rate: 2.0e-3}
  augment: {crop: 4, flip: true}
algorithms:
  - {name: fedavg, label: FL}
  - {name: fedavg, label: FL linear, training: {train: linear}}
  - {name: fedavg, label: FL prompt, training: {train: prompt}}
  - {name: fedavg, label: FL bias, training: {train: bias}}
  - {name: fedavg, label: FL lora, training: {train: lora}}
  - {name: fedprox, label: fedprox}
  - {name: fedavgm, label: fedavgm}
  - {name: fedadam, label: fedadam}
  - {name: fedyogi, label: fedyogi}
  - {name: fedlora, label: fedlora}
  - {name: flora, label: flora}
  - {name: splitfed, label: SFL v1}
  - {name: splitfed, label: SFL v2, version: v2}
  - {name: splitfed, label: SFL linear, training: {train: linear}}
  - {name: splitfed, label: SFL cut, cut: {name: fastest}}
  - {name: split_learning, label: SL}
  - {name: sfprompt, label: SFPrompt}
  - {name: sfprompt, label: SFPrompt int8, training: {compression: {smashed data: {name: int8}}}}
  - {name: splitfrozen, label: SplitFrozen}
  - {name: splitlora, label: SplitLoRA}
  - {name: epsl, label: EPSL}
  - {name: sfpl, label: SFPL}
  - {name: flexp_sfl, label: FlexP}
  - {name: ditto, label: Ditto}
  - {name: pfedme, label: pFedMe}
  - {name: local, label: local}
  - {name: centralized, label: centralized}
  - {name: splitfed, label: SFL topk, training: {compression: {smashed data: {name: top_k, fraction: 0.1}}}}
"""


def figures(result: TrialResult) -> dict[str, str]:
    """All that a trial says, by table; the time that it really took is left out."""
    summary = summarise(result, TARGET)
    summary.pop("wall_time_s")
    ledger = {
        f"ledger {name}": hashlib.sha256(repr(table.arrow().to_pydict()).encode()).hexdigest()[:12]
        for name, table in result.ledger.tables().items()
    }
    tables = {"rounds": rounds_table, "breakdown": breakdown_table, "clients": clients_table}
    return {"summary": repr(summary), **{name: repr(table(result).rows) for name, table in tables.items()}, **ledger}


def results(scenario: Scenario, order: Sequence[Entry], dry: bool = False) -> dict[str, TrialResult]:
    return {entry.label: run(scenario, entry, 0, dry=dry) for entry in order}


def all_figures(scenario: Scenario, order: Sequence[Entry]) -> dict[str, dict[str, str]]:
    return {label: figures(result) for label, result in results(scenario, order).items()}


def compare(what: str, one: dict[str, dict[str, str]], other: dict[str, dict[str, str]]) -> int:
    """How many algorithms differ."""
    differing = [
        (label, [name for name in one[label] if one[label][name] != other[label][name]])
        for label in one
        if one[label] != other[label]
    ]
    print(f"{what}: {len(one)} algorithms, {len(differing)} differ {differing or ''}", flush=True)
    return len(differing)


def compare_dry(dry: dict[str, TrialResult], real: dict[str, TrialResult]) -> int:
    """How many algorithms differ in a figure of the world or in their ledger."""
    differing: list[tuple[str, list[str]]] = []
    for label in real:
        told: list[dict[str, Any]] = [summarise(result[label], TARGET) for result in (dry, real)]
        names = [name for name in told[0] if name not in LEARNED and told[0][name] != told[1][name]]
        one, other = figures(dry[label]), figures(real[label])
        names += [name for name in one if name.startswith(("ledger", "breakdown")) and one[name] != other[name]]
        if names:
            differing.append((label, names))
    print(f"dry against real: {len(real)} algorithms, {len(differing)} differ {differing or ''}", flush=True)
    return len(differing)


def main() -> int:
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "all.yaml")
        file.write_text(SCENARIO)
        scenario = load(file)
    entries = list(scenario.algorithms)
    shuffled = entries[:]
    random.Random(1).shuffle(shuffled)
    first = all_figures(scenario, entries)
    bad = compare("the same order again", first, all_figures(scenario, entries))
    bad += compare("reversed", first, all_figures(scenario, entries[::-1]))
    bad += compare("shuffled", first, all_figures(scenario, shuffled))
    torch.manual_seed(12345)
    random.seed(99)
    np.random.seed(7)
    real = results(scenario, entries)
    bad += compare("other global random states", first, {label: figures(result) for label, result in real.items()})
    bad += compare_dry(results(scenario, entries, dry=True), real)
    digest = hashlib.sha256(repr(sorted(first.items())).encode()).hexdigest()[:16]
    print(f"digest of all figures: {digest}; {time.monotonic() - began:.0f} s")
    print(f"{len(entries)} algorithms, {bad} differences")
    return int(bad > 0)


if __name__ == "__main__":
    raise SystemExit(main())
