"""What is looked at before a scenario is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from simulator.algorithms.base import UnfitError
from simulator.experiments.trial.build import load, partition, structure
from simulator.experiments.trial.validate_compression import check_compression
from simulator.learning.models.stages import NoTokensError, NotStagedError
from simulator.learning.models.stages.adapters import LoraError
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.scenario.scenario import Scenario


def check(scenario: Scenario, dry: bool = False) -> None:
    """What only the model, the data and the machine can tell of a scenario, before anything is run.

    Raises:
        ScenarioError: a cut that leaves no body, a model that does not exist or cannot be staged, a shard that stays
            empty, a GPU that is not there; the message names the line.
    """
    if scenario.torch_device == "cuda" and not dry and not torch.cuda.is_available():
        raise scenario.error(("torch_device",), "cuda", "torch finds no CUDA GPU on this machine", "auto or cpu")
    kinds = []
    for index, entry in enumerate(scenario.algorithms):
        if dry and entry.algorithm.needs_values:
            problem = f"it decides by {entry.algorithm.needs_values}, which a dry run does not have"
            raise scenario.error(("algorithms", index, "name"), entry.name, problem, "a run without --dry")
        try:
            model = structure(scenario, entry)
        except NoTokensError as error:
            where: tuple[str | int, ...] = ("algorithms", index)
            if "train" in entry.algorithm.ignores:  # it brings prompts of its own
                allowed = "another algorithm, or a VisionTransformer as the model"
                raise scenario.error((*where, "name"), entry.name, str(error), allowed) from error
            train = entry.training.train
            raise scenario.error((*where, "training", "train"), train, str(error), "full, linear or bias") from error
        except LoraError as error:
            if error.key == "blocks" and entry.training.lora.blocks is None:  # the algorithm's choice, by its head
                head = getattr(entry.algorithm, "head", None)
                raise scenario.error(
                    ("algorithms", index, "head"), head, f"no block is left: {error.problem}"
                ) from error
            where = ("algorithms", index, "training", "lora", error.key)
            raise scenario.error(where, error.value, error.problem, error.allowed) from error
        except NotStagedError as error:
            raise scenario.error(("model", "name"), scenario.model.name, str(error)) from error
        try:
            entry.algorithm.check(model, entry.training)
        except UnfitError as unfit:
            loc = ("algorithms", index, *unfit.path)
            raise scenario.error(loc, unfit.value, unfit.problem, unfit.allowed) from unfit
        kinds.append(entry.algorithm.messages(model, entry.training))
    check_compression(scenario, kinds)
    wanted, there = scenario.evaluation.samples, len(load(scenario).test)
    if wanted is not None and wanted > there:
        raise scenario.error(("evaluation", "samples"), wanted, "the test set is smaller", f"1 to {there}, or null")
    for seed in scenario.seeds:
        partition(scenario, Seeds(seed))
