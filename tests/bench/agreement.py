"""Two figures that should be 0: FLOPs against torch's own count, and a dry run against a real one."""

from __future__ import annotations

import copy

import timm
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy
from torch.utils.flop_counter import FlopCounterMode

from simulator.experiments.run.tables import summarise
from simulator.experiments.trial.trial import run
from simulator.learning.models.parts import Part
from simulator.learning.models.staged import Staged
from simulator.learning.models.stages import TRAINED, stages_of
from simulator.learning.models.weights import Weights
from simulator.scenario.scenario import load
from tests.bench import report
from tests.helpers.caches import forget
from tests.helpers.places import SCENARIOS

QUICKSTART = SCENARIOS / "quickstart.yaml"
SMALL = ("training.rounds=2", "training.clients_per_round=2", "evaluation.samples=8", "threads=1")
LEARNED = {"final_accuracy", "best_accuracy", "final_loss", "time_to_target_s", "wall_time_s"}
LEARNED |= {"personal_accuracy", "personal_accuracy_worst_decile"}
LEARNED |= {"personal_accuracy_participants", "personal_accuracy_participants_worst_decile"}


def flops_vs_torch() -> tuple[float, int]:
    """The largest relative difference of a forward and backward pass, and over how many ways to train."""
    images, labels = torch.randn(5, 3, 32, 32), torch.randint(0, 10, (5,))
    apart = 0.0
    cases = {**TRAINED, "position": lambda name: name == "embed.pos_embed"}
    for trained in cases.values():
        vit = timm.create_model(
            "vit_tiny_patch16_224", img_size=32, patch_size=8, embed_dim=32, depth=3, num_heads=4, num_classes=10
        )
        stages = stages_of(vit, prompts=4)
        weights = torch.nn.ModuleDict(copy.deepcopy(stages))
        for name, parameter in weights.named_parameters():
            parameter.requires_grad_(trained(name))
        with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
            cross_entropy(torch.nn.Sequential(*weights.values())(images), labels).backward()
        model = Staged(stages, trained)
        part = Part(model, Weights(weights.state_dict()), model.whole)
        ours, theirs = part.loss_backward.cost(images, labels).flops, counter.get_total_flops()
        apart = max(apart, abs(ours - theirs) / theirs)
    return apart, len(cases)


def dry_vs_real() -> tuple[float, int]:
    """The largest relative difference of any world figure, and over how many algorithms of the quickstart."""
    scenario, apart = load(QUICKSTART, SMALL), 0.0
    for entry in scenario.algorithms:
        figures = []
        for dry in (False, True):
            forget()  # each asks first
            figures.append(summarise(run(scenario, entry, 0, dry), None))
        real, simulated = figures
        for name in real.keys() - LEARNED - {"algorithm", "label"}:
            if isinstance(real[name], list):  # devices left out, cuts that were chosen
                apart = max(apart, float(real[name] != simulated[name]))
                continue
            apart = max(apart, abs(real[name] - simulated[name]) / max(abs(real[name]), 1e-300))
    return apart, len(scenario.algorithms)


def main() -> None:
    apart, cases = flops_vs_torch()
    report("flops_vs_torch", apart, cases=cases)
    apart, cases = dry_vs_real()
    report("dry_vs_real", apart, algorithms=cases)


if __name__ == "__main__":
    main()
