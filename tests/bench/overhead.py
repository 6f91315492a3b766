"""A trial of FL against a hand-written loop that does the same steps and evaluations with timm and torch.optim."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch.nn.functional import cross_entropy

from simulator.experiments.trial.model import load as load_data
from simulator.experiments.trial.result import TrialResult
from simulator.experiments.trial.trial import run
from simulator.learning.data.images import Images
from simulator.learning.data.shards import Shard
from simulator.learning.models.build import build
from simulator.scenario.scenario import Scenario, load
from simulator.settings.seeds import Seeds
from tests.bench import report

PAIRS = 11
SCENARIO = Path(__file__).with_name("overhead.yaml")


def by_hand(scenario: Scenario) -> tuple[list[float], dict[str, torch.Tensor]]:
    """FedAvg as a script would do it; the losses on the test samples, and the last weights."""
    entry, seeds = scenario.algorithms[0], Seeds(scenario.seeds[0])
    data, side = load_data(scenario), scenario.model.image_size
    built = build(scenario.model.name, side, data.classes, seeds.integer("weights"))
    train, test = (
        Images(torch.from_numpy(part.pixels(side)), torch.from_numpy(part.labels), built.statistics, size=side)
        for part in (data.train, data.test)
    )
    split = scenario.data.partition.split(data.train.labels, scenario.world.clients, seeds.stream("partition"))
    names = [f"{group.name}-{number}" for group in scenario.world.devices for number in range(group.count)]
    size, samples = entry.training.batch_size, scenario.evaluation.samples
    subset = torch.from_numpy(Seeds(0).stream("evaluation").permutation(len(test))[:samples])
    model = built.model
    state = copy.deepcopy(model.state_dict())
    losses = []

    def evaluate() -> None:
        model.load_state_dict(state)
        with torch.inference_mode():
            losses.append(float(cross_entropy(model(test.rows(subset)), test.labels[subset])))

    evaluate()
    for number in range(1, entry.training.rounds + 1):
        order = seeds.stream("cohort", number).permutation(len(names))[: entry.training.clients_per_round]
        total = sum(len(split[client]) for client in order)
        mean = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
        for client in order:
            model.load_state_dict(state)
            rule = entry.training.optimizer
            optimizer = torch.optim.SGD(model.parameters(), rule.learning_rate, rule.momentum)
            shard = Shard(train, torch.from_numpy(split[client]), size, seeds)
            for rows, labels in shard.batches(("train", number, names[client])):
                optimizer.zero_grad()
                cross_entropy(model(rows.tensor()), labels).backward()
                optimizer.step()
            for name, tensor in model.state_dict().items():
                mean[name].add_(tensor, alpha=len(split[client]) / total)
        state = mean
        evaluate()
    return losses, state


def timed(function: Callable[[], object]) -> float:
    """Seconds of this process's own work: what others do on the machine does not count."""
    began = time.process_time()
    function()
    return time.process_time() - began


def main() -> None:
    torch.set_num_threads(1)
    scenario = load(SCENARIO)

    def ours() -> TrialResult:
        return run(scenario, scenario.algorithms[0], scenario.seeds[0])

    losses, simulated = by_hand(scenario)[0], [point.score.loss for point in ours().rounds if point.score]
    apart = max(abs(a - b) for a, b in zip(losses, simulated, strict=True))
    plain, full = [], []
    for _ in range(PAIRS):
        plain.append(timed(lambda: by_hand(scenario)))
        full.append(timed(ours))
    ratios = sorted(b / a for a, b in zip(plain, full, strict=True))
    report(
        "overhead_vs_plain_loop",
        min(full) / min(plain),
        pairs=PAIRS,
        lowest=ratios[0],
        median=statistics.median(ratios),
        highest=ratios[-1],
        plain_s=min(plain),
        losses_apart=apart,
    )


if __name__ == "__main__":
    main()
