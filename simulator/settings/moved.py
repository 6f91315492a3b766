"""Former names of modules and of what is in them: plug-ins that use them still work, and are warned.

The warning is a ``FutureWarning``, because Python hides a ``DeprecationWarning`` everywhere but in ``__main__``, and no
plug-in is that.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import wraps
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pkgutil import iter_modules
from types import ModuleType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
HOME = "simulator."
MOVED = {
    "algorithms.aligning": "algorithms.steps.teacher",
    "algorithms.cutting": "algorithms.steps.split",
    "algorithms.fedopt": "algorithms.steps.server_optimizer algorithms.fedavgm algorithms.fedadam algorithms.fedyogi",
    "algorithms.groups": "algorithms.steps.mixed_batches algorithms.steps.staging algorithms.steps.pipeline",
    "algorithms.lockstep": "algorithms.steps.parallel_split",
    "algorithms.pipeline": "algorithms.steps.pipeline",
    "algorithms.proximal": "algorithms.steps.proximal",
    "catalogue": "scenario.hardware settings.merging",
    "checking": "experiments.trial.validate",
    "commands": "cli",
    "commands.execute": "cli.run",
    "commands.look": "cli.inspect",
    "commands.planning": "cli.plan",
    "commands.prepare": "cli.prepare",
    "commands.reporting": "cli.report",
    "commands.shared": "cli.shared",
    "cut_policies": "scheduling.cuts",
    "cut_policies.base": "scheduling.cuts.base",
    "cut_policies.budget": "scheduling.cuts.budget",
    "cut_policies.fastest": "scheduling.cuts.fastest",
    "cut_policies.fixed": "scheduling.cuts.fixed",
    "cut_policies.largest": "scheduling.cuts.largest",
    "evaluation": "experiments.trial.evaluation",
    "files": "settings.files",
    "fitting": "experiments.trial.memory_check",
    "learning.alignment": "learning.training.alignment",
    "learning.augmentation": "learning.data.augmentation",
    "learning.averaging": "learning.training.averaging",
    "learning.checkpoints": "learning.models.checkpoints",
    "learning.compression.channels": "transport.channels",
    "learning.compression.coded": "transport.encoded",
    "learning.cuts": "learning.models.cuts",
    "learning.datasets": "learning.data.datasets",
    "learning.datasets.base": "learning.data.datasets.base",
    "learning.datasets.digits": "learning.data.datasets.digits",
    "learning.datasets.folder": "learning.data.datasets.folder",
    "learning.datasets.labels": "learning.data.datasets.labels",
    "learning.datasets.parquet": "learning.data.datasets.parquet",
    "learning.datasets.pixels": "learning.data.datasets.pixels",
    "learning.datasets.published": "learning.data.datasets.*",
    "learning.datasets.synthetic": "learning.data.datasets.synthetic",
    "learning.flops": "learning.costs.flops learning.costs.keys",
    "learning.footprint": "learning.costs.footprint",
    "learning.held": "learning.training.activation_cache",
    "learning.lora": "learning.models.lora",
    "learning.mixing": "learning.training.batches",
    "learning.partition": "learning.data.partition.*",
    "learning.passes": "learning.models.parts",
    "learning.pieces": "learning.costs.operations learning.costs.keys",
    "learning.prompts": "learning.models.prompts",
    "learning.proximal": "learning.training.proximal",
    "learning.rows": "learning.data.lazy",
    "learning.stacking": "learning.training.stacking",
    "learning.staged": "learning.models.staged learning.models.cuts",
    "learning.stages": "learning.models.stages",
    "learning.stages.adapters": "learning.models.stages.adapters",
    "learning.stages.base": "learning.models.stages.base",
    "learning.stages.resnet": "learning.models.stages.resnet",
    "learning.stages.vit": "learning.models.stages.vit",
    "learning.timing": "calibration.timing",
    "learning.weights": "accounting.payload learning.models.weights learning.trees",
    "learning.wire": "transport.wire",
    "listing": "settings.plugins cli.listing",
    "machine": "calibration.machine",
    "model_sheet": "experiments.plan.model_sheet",
    "outcome": "experiments.trial.result experiments.trial.class_counts",
    "placing": "experiments.trial.cut_search",
    "planning": "experiments.plan",
    "planning.answers": "experiments.plan.answers",
    "planning.break_even": "experiments.plan.break_even",
    "planning.points": "experiments.plan.cuts",
    "planning.rounds": "experiments.plan.rounds",
    "planning.table": "experiments.plan.table",
    "plugins": "settings.plugins",
    "results": "experiments.run.tables",
    "run_folders": "experiments.run.folders",
    "running": "experiments.run.run",
    "scenario_compression": "experiments.trial.validate_compression",
    "scenario_errors": "settings.validation settings.errors",
    "scenario_source": "settings.sources settings.errors",
    "scenario_training": "scenario.overrides learning.settings",
    "scenario_world": "scenario.world",
    "schema": "scenario.schema",
    "seeds": "settings.seeds",
    "sweeping": "experiments.sweep",
    "sweeping.axes": "experiments.sweep.axes experiments.sweep.points",
    "sweeping.executors": "experiments.executors.local",
    "sweeping.points": "experiments.sweep.points",
    "sweeping.running": "experiments.sweep.run",
    "sweeping.settings": "experiments.sweep.settings",
    "sweeping.store": "experiments.sweep.store",
    "synchrony": "scheduling.drivers scheduling.selection",
    "synchrony.cohorts": "scheduling.selection.uniform scheduling.selection.base",
    "synchrony.synchronous": "scheduling.drivers.synchronous",
    "trial": "experiments.trial.trial experiments.trial.build experiments.trial.simulate",
    "units": "settings.units",
    "wording": "settings.wording",
    "world.measured": "world.hardware",
    "yamlfile": "settings.yamlfile",
}
"""Modules that are gone, and the modules that now have their contents; ``*`` is any module of a package."""
RENAMED = {
    "CutError": "UnfitError",
    "Cutting": "SplitAlgorithm",
    "DataError": "UnfitError",
    "Dealt": "ClassCount",
    "Derived": "CachedFeatures",
    "Discipline": "Queue",
    "Fifo": "FirstCome",
    "Held": "CachedActivations",
    "KINDS": "FAMILIES",
    "Kin": "DeviceClass",
    "Kinds": "Messages",
    "Known": "CutCache",
    "Line": "ClientPipeline",
    "Lockstep": "ParallelSplit",
    "LoraError": "UnfitError",
    "ModelError": "UnfitError",
    "Outcome": "TrialResult",
    "Peak": "MemoryPeak",
    "Pile": "StagedBatches",
    "Place": "CutPoint",
    "Point": "RoundResult PlannedCut",
    "Rows": "LazyBatch",
    "data_in_words": "located",
    "fitted": "dry_run_that_fits",
    "labelled_kinds": "labelled_messages",
    "nbytes": "tree_bytes",
    "split_kinds": "split_messages",
    "tree_size": "tree_bytes",
}
"""What was renamed, by former names; several present names if different modules had different things under one."""


def former(old: str, *modules: str) -> Callable[[str], Any]:
    """Return the ``__getattr__`` of a module whose contents moved: it finds them in their new modules, and warns.

    Args:
        old: the dotted name of the module.
        modules: the dotted names of the modules that now have its contents; itself where only names changed.

    Raises:
        AttributeError: none of them has the name (raised by what is returned).
    """

    def find(name: str) -> Any:
        package = "__path__" in vars(sys.modules[old])
        own = name.startswith("__") or (package and find_spec(f"{old}.{name}") is not None)  # a module of the package
        for module in () if own else _expanded(modules):
            present = vars(import_module(module))  # not getattr: a module may be its own successor, with this lookup
            for present_name in (name, *RENAMED.get(name, "").split()):
                if present_name in present:
                    message = f"{old}.{name} is {module}.{present_name} now"
                    warnings.warn(message, FutureWarning, stacklevel=2)
                    return present[present_name]
        raise AttributeError(f"module {old!r} has no attribute {name!r}")

    return find


def former_arguments(**renamed: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Decorate a function whose arguments were renamed: it still takes them by their former names, and warns.

    Args:
        renamed: the present name of each argument, by its former one.
    """

    def decorate(function: Callable[P, T]) -> Callable[P, T]:
        @wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            for old, new in renamed.items() if kwargs else ():
                if old in kwargs:
                    message = f"the argument {old} of {function.__qualname__} is {new} now"
                    warnings.warn(message, FutureWarning, stacklevel=2)
                    kwargs[new] = kwargs.pop(old)
            return function(*args, **kwargs)

        return call

    return decorate


def _expanded(modules: Iterable[str]) -> Iterator[str]:
    """Yield the modules, and for each ``package.*`` all modules of that package."""
    for module in modules:
        package = module.removesuffix(".*")
        if package == module:
            yield module
        else:
            yield from (f"{package}.{inner.name}" for inner in iter_modules(import_module(package).__path__))


class Former(MetaPathFinder, Loader):
    """An import hook that makes an empty module for each former name in ``MOVED``, with ``former`` as its lookup."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of a module under its former name; None for any other name."""
        if fullname.startswith(HOME) and fullname.removeprefix(HOME) in MOVED:
            return ModuleSpec(fullname, self, is_package=True)
        return None

    def exec_module(self, module: ModuleType) -> None:
        """Give the empty module the lookup of ``former``."""
        modules = (HOME + name for name in MOVED[module.__name__.removeprefix(HOME)].split())
        module.__getattr__ = former(module.__name__, *modules)  # type: ignore[method-assign]


def install() -> None:
    """Register the import hook for former names, after all other finders."""
    if not any(isinstance(finder, Former) for finder in sys.meta_path):
        sys.meta_path.append(Former())
