"""sfsim simulates ways of fine-tuning a pre-trained model across devices, to compare their time, energy and accuracy.

The public names, each imported when it is first used:

- ``load(path)``: a scenario from its YAML file or a mapping; ``scenario.with_(key=value)``: the same with other values
- ``run(scenario)``: all trials, as data frames and figures; ``run(scenario, entry, seed)``: one trial
- ``sweep(scenario, axes)``: a scenario at many points
- ``plan(scenario)``: every cut of every algorithm, before anything is trained
- ``Algorithm``, ``Update``: what a new algorithm is made of
- ``work``, ``Cost``: a computation with its price
- ``World``: sites, links and the verbs between them

>>> import simulator as sf
>>> scenario = sf.load("scenarios/quickstart.yaml").with_(training__rounds=2)
>>> run = sf.run(scenario, dry=True)
>>> run.summary.set_index("label")["bytes_up"].idxmin()
'SFL+Linear'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from simulator.settings import moved

if TYPE_CHECKING:
    from simulator.accounting.costs import Cost, work
    from simulator.algorithms.base import Algorithm, Update
    from simulator.experiments.api.plan import Plan, plan
    from simulator.experiments.api.results import Run
    from simulator.experiments.api.run import run
    from simulator.experiments.api.sweep import SweepResult, sweep
    from simulator.scenario.scenario import Scenario, ScenarioError, load
    from simulator.world.world import World

_PUBLIC = {
    "Algorithm": "simulator.algorithms.base",
    "Cost": "simulator.accounting.costs",
    "Plan": "simulator.experiments.api.plan",
    "Run": "simulator.experiments.api.results",
    "Scenario": "simulator.scenario.scenario",
    "ScenarioError": "simulator.scenario.scenario",
    "SweepResult": "simulator.experiments.api.sweep",
    "Update": "simulator.algorithms.base",
    "World": "simulator.world.world",
    "load": "simulator.scenario.scenario",
    "plan": "simulator.experiments.api.plan",
    "run": "simulator.experiments.api.run",
    "sweep": "simulator.experiments.api.sweep",
    "work": "simulator.accounting.costs",
}

moved.install()

__all__ = [
    "Algorithm",
    "Cost",
    "Plan",
    "Run",
    "Scenario",
    "ScenarioError",
    "SweepResult",
    "Update",
    "World",
    "load",
    "plan",
    "run",
    "sweep",
    "work",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'simulator' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
