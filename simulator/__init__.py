"""sfsim simulates ways of fine-tuning a pre-trained model across devices, to compare their time, energy and accuracy.

The public names, each imported when it is first used:

- ``load(path, overrides=())``: a scenario from its YAML file
- ``run(scenario, entry, seed, dry=False)``: one trial
- ``Algorithm``, ``Update``: what a new algorithm is made of
- ``work``, ``Cost``: a computation with its price
- ``World``: sites, links and the verbs between them
"""

from importlib import import_module
from typing import Any

from simulator.settings import moved

_PUBLIC = {
    "Algorithm": "simulator.algorithms.base",
    "Cost": "simulator.accounting.costs",
    "Update": "simulator.algorithms.base",
    "World": "simulator.world.world",
    "load": "simulator.scenario.scenario",
    "run": "simulator.experiments.trial.trial",
    "work": "simulator.accounting.costs",
}

moved.install()

__all__ = ["Algorithm", "Cost", "Update", "World", "load", "run", "work"]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'simulator' has no attribute {name!r}")
