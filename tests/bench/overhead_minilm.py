"""A trial of FedLoRA with MiniLM against a hand-written loop with transformers' BertModel and torch.optim.

The loop has adapters of its own beside queries and values, a mean over tokens and a classifier. It does the same steps
and evaluations, which equal losses show. Its model and data are ready before it starts; the trial builds its own.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear

from simulator.experiments.trial.build import make_task, partition
from simulator.experiments.trial.model import load as load_data
from simulator.experiments.trial.trial import run
from simulator.learning.data.shards import Shard
from simulator.learning.models.text.hub import packaged
from simulator.learning.models.text.names import HUGGING_FACE, renamed
from simulator.learning.models.text.presets import PRESETS
from simulator.learning.task import Task
from simulator.scenario.scenario import Scenario, load
from simulator.settings.seeds import Seeds
from tests.bench import report
from tests.bench.overhead import timed

PAIRS = 3
SCENARIO = Path(__file__).with_suffix(".yaml")


class WithAdapter(nn.Module):
    """A frozen linear layer with a trained low-rank change."""

    def __init__(self, layer: nn.Linear, a: Tensor, b: Tensor) -> None:
        super().__init__()
        self.layer, self.a, self.b = layer.requires_grad_(False), nn.Parameter(a.clone()), nn.Parameter(b.clone())

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.layer(x) + linear(linear(x, self.a), self.b)
        return output


class Classifier(nn.Module):
    """BertModel with adapters, the mean over tokens and a classifier, with the weights that a task starts from."""

    def __init__(self, task: Task) -> None:
        from transformers import BertConfig, BertModel

        shape, weights = PRESETS["minilm"].config, task.backbone
        super().__init__()
        self.separator = shape.separator
        self.bert: Any = BertModel(
            BertConfig(
                vocab_size=shape.vocabulary,
                hidden_size=shape.width,
                num_hidden_layers=shape.blocks,
                num_attention_heads=shape.heads,
                intermediate_size=shape.mlp,
                layer_norm_eps=shape.epsilon,
                hidden_dropout_prob=0.0,
                attention_probs_dropout_prob=0.0,
            ),
            add_pooling_layer=False,
        ).requires_grad_(False)
        own = dict(self.bert.named_parameters())
        with torch.no_grad():
            for name, parameter in own.items():
                ((ours, _),) = renamed({name: parameter}, HUGGING_FACE["bert"])[0].items()
                parameter.copy_(weights[ours])
        for number, layer in enumerate(self.bert.encoder.layer):
            attention = layer.attention.self
            for ours, theirs in (("q", "query"), ("v", "value")):
                a, b = (weights[f"block{number}.attn.{ours}.lora.{factor}"] for factor in "ab")
                setattr(attention, theirs, WithAdapter(getattr(attention, theirs), a, b))
        self.head = nn.Linear(shape.width, 2)
        self.head.load_state_dict({name: weights[f"head.head.{name}"] for name in ("weight", "bias")})

    def forward(self, ids: Tensor) -> Tensor:
        real = ids >= 0
        ends = (ids == self.separator).long()
        kinds = (ends.cumsum(1) - ends).clamp(max=1)
        tokens = self.bert(ids.clamp(min=0), real.long(), kinds).last_hidden_state
        samples = real.sum(1, keepdim=True)
        logits: Tensor = self.head((tokens * real[..., None]).sum(1) / samples)
        return logits


class Script:
    """FedAvg of adapters as a script would do it, with data and model ready in memory."""

    def __init__(self, scenario: Scenario) -> None:
        self.entry, self.seeds = scenario.algorithms[0], Seeds(scenario.seeds[0])
        task = make_task(scenario, self.entry, self.seeds, dry=False)  # the weights that both start from
        assert task.modality is not None
        train = task.modality.inputs(load_data(scenario).train, dry=False)
        size = self.entry.training.batch_size
        self.shards = [Shard(train, rows, size, self.seeds) for rows in partition(scenario, self.seeds)]
        self.names = [f"{group.name}-{number}" for group in scenario.world.devices for number in range(group.count)]
        self.x, self.y = task.test.rows(task.samples), task.test.labels[task.samples]
        self.model = Classifier(task).eval()
        self.trained = {name: one for name, one in self.model.named_parameters() if one.requires_grad}
        self.start = {name: one.detach().clone() for name, one in self.trained.items()}

    def run(self) -> list[float]:
        """Return the losses on the test samples, before the first round and after each."""
        model, training, state = self.model, self.entry.training, self.start
        losses = [self.loss(state)]
        for number in range(1, training.rounds + 1):
            order = self.seeds.stream("cohort", number).permutation(len(self.names))[: training.clients_per_round]
            total = sum(len(self.shards[client]) for client in order)
            mean = {name: torch.zeros_like(tensor) for name, tensor in state.items()}
            for client in order:
                model.load_state_dict(state, strict=False)
                optimizer = torch.optim.AdamW(self.trained.values(), training.optimizer.learning_rate)
                shard = self.shards[client]
                for rows, labels in shard.batches(("train", number, self.names[client])):
                    optimizer.zero_grad()
                    cross_entropy(model(rows.tensor()), labels).backward()
                    optimizer.step()
                for name, parameter in self.trained.items():
                    mean[name].add_(parameter.detach(), alpha=len(shard) / total)
            state = mean
            losses.append(self.loss(state))
        return losses

    def loss(self, state: dict[str, Tensor]) -> float:
        """Return the loss on the test samples."""
        self.model.load_state_dict(state, strict=False)
        with torch.inference_mode():
            return float(cross_entropy(self.model(self.x), self.y))


def main() -> None:
    torch.set_num_threads(1)
    published = packaged("minilm") is not None
    scenario = load(SCENARIO, () if published else ("model.pretrained=false",))

    script = Script(scenario)

    def ours() -> list[float]:
        outcome = run(scenario, scenario.algorithms[0], scenario.seeds[0])
        return [point.score.loss for point in outcome.rounds if point.score]

    apart = max(abs(a - b) for a, b in zip(script.run(), ours(), strict=True))
    assert apart < 1e-4, f"the two do not do the same: their losses are {apart} apart"
    plain, full = zip(*((timed(script.run), timed(ours)) for _ in range(PAIRS)), strict=True)
    ratios = sorted(b / a for a, b in zip(plain, full, strict=True))
    report(
        "overhead_vs_plain_loop_minilm",
        min(full) / min(plain),
        pairs=PAIRS,
        lowest=ratios[0],
        median=statistics.median(ratios),
        highest=ratios[-1],
        plain_s=min(plain),
        losses_apart=apart,
        published_weights=published,
    )


if __name__ == "__main__":
    main()
