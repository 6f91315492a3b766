"""Plug-ins: classes that a scenario refers to by `name`, such as algorithms, partitions, optimizers and data sets.

A plug-in is a `Settings` subclass with `name: ClassVar[str] = "..."`; its fields are the keys of its YAML entry. A
`Plugins` in the annotation of a field, `Annotated[Partition, Plugins(...)]`, reads `{name: dirichlet, alpha: 0.5}` as
an instance of the class with that name, and writes it back with its name.

A plug-in is found in this package, or in another distribution that names it as an entry point, or in a file that
`plugin_files.load_file` has loaded.
"""

import pkgutil
import re
from functools import cached_property
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from simulator.settings.base import Settings, invalid
from simulator.settings.wording import listed, near_miss

_NAME = re.compile(r"""^    name\b[^=\n]*=\s*["']([^"']+)["']""", re.MULTILINE)


class Plugins:
    """The plug-ins of one kind.

    Another distribution adds a plug-in by naming its class in the entry-point group; it cannot replace one of ours.

    Attributes:
        where: the dotted name of a module with all of them, or of a package with a module for each; the base class of
            a package is in its module `base`.
        base: the name of the base class.
        group: the entry-point group, such as "sfsim.partitions".
    """

    def __init__(self, where: str, base: str, group: str) -> None:
        self.where, self.base, self.group = where, base, group
        self._of_files: dict[str, type[Settings]] = {}

    def names(self) -> list[str]:
        """Return all names, sorted. No plug-in is imported: listing algorithms must not load torch."""
        return sorted({*self._modules, *self._entry_points, *self._of_files})

    def find(self, name: str) -> type[Settings]:
        """Return the class with this name.

        Raises:
            ValueError: there is none, or the one that another distribution names cannot be used.
        """
        base = self._base()
        if name in self._modules:
            for member in vars(import_module(self._modules[name])).values():
                if isinstance(member, type) and issubclass(member, base) and vars(member).get("name") == name:
                    return member
        elif name in self._entry_points:
            return self._from_elsewhere(self._entry_points[name], base)
        elif name in self._of_files:
            return self._of_files[name]
        hint = near_miss(name, self.names()) or "; one of your own is added by --plugin FILE.py"
        raise ValueError(f'there is no {self.kind} named "{name}"{hint}')

    def is_base(self, kind: type) -> bool:
        """Return whether a class is the base class of this kind; nothing is imported for it."""
        return kind.__name__ == self.base and kind.__module__ in (self.where, f"{self.where}.base")

    def origin(self, name: str) -> str | None:
        """Return where a name comes from, unless it comes from a file: "sfsim" or an entry point; None if it does."""
        if name in self._modules:
            return "sfsim"
        return self._entry_points[name].value if name in self._entry_points else None

    def add(self, plugin: type[Settings]) -> None:
        """Add a plug-in that a file defines, in place of one of the same name from a file."""
        self._of_files[str(vars(plugin)["name"])] = plugin

    def remove(self, name: str) -> None:
        """Remove a plug-in that a file defined, if there is one of this name."""
        self._of_files.pop(name, None)

    @property
    def kind(self) -> str:
        """What a message calls one of them, such as "cut policy"."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", self.base).lower()

    @cached_property
    def _modules(self) -> dict[str, str]:
        """The module of each name, found in the source text so that nothing is imported."""
        spec = find_spec(self.where)
        assert spec is not None, f"{self.where} does not exist"
        modules = [self.where]
        if spec.submodule_search_locations is not None:
            inside = pkgutil.iter_modules(spec.submodule_search_locations)
            modules = [f"{self.where}.{module.name}" for module in inside]
        return {name: module for module in modules for name in _NAME.findall(_source(module))}

    @cached_property
    def _entry_points(self) -> dict[str, EntryPoint]:
        return {point.name: point for point in entry_points(group=self.group)}

    def _base(self) -> type[Settings]:
        spec = find_spec(self.where)
        package = spec is not None and spec.submodule_search_locations is not None
        base: type[Settings] = getattr(import_module(f"{self.where}.base" if package else self.where), self.base)
        return base

    def _from_elsewhere(self, point: EntryPoint, base: type[Settings]) -> type[Settings]:
        try:
            plugin = point.load()
        except Exception as error:
            raise ValueError(f'the {self.kind} "{point.name}" ({point.value}) cannot be loaded: {error}') from error
        if not (isinstance(plugin, type) and issubclass(plugin, base) and getattr(plugin, "name", None) == point.name):
            raise ValueError(f'{point.value} is not a {base.__name__} with the name "{point.name}"')
        return plugin

    def read(self, data: Any, info: ValidationInfo | None = None) -> Settings:
        """Return an instance made from plain data, such as `{"name": "dirichlet", "alpha": 0.5}`.

        An instance is returned as it is.

        Raises:
            ValueError: the data are no mapping with the name of a plug-in, or (``ValidationError``) its keys are wrong.
        """
        if isinstance(data, Settings) and isinstance(data, self._base()):
            return data
        if not isinstance(data, dict):
            example = data if isinstance(data, str) else (self.names() or ["..."])[0]
            raise ValueError(f"it must be a mapping with a name, such as {{name: {example}}}")
        if "name" not in data:
            raise invalid([(("name",), data, "it is missing", listed(self.names()))])
        if not isinstance(data["name"], str):
            raise invalid([(("name",), data["name"], "it must be text", listed(self.names()))])
        try:
            kind = self.find(data["name"])
        except ValueError as error:
            raise invalid([(("name",), data["name"], str(error), listed(self.names()))]) from error
        settings = {key: value for key, value in data.items() if key != "name"}
        return kind.model_validate(settings, context=info.context if info else None)

    def write(self, plugin: Any, info: core_schema.SerializationInfo) -> dict[str, Any]:
        """Return the plain data from which `read` makes this plug-in."""
        return {"name": plugin.name, **plugin.model_dump(mode=info.mode)}

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.with_info_plain_validator_function(
            self.read, serialization=core_schema.plain_serializer_function_ser_schema(self.write, info_arg=True)
        )

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"oneOf": [self._json_schema(name, handler) for name in self.names()]}

    def _json_schema(self, name: str, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Return a reference to the schema of a plug-in, to which its name is added."""
        reference = handler(self.find(name).__pydantic_core_schema__)
        keys = handler.resolve_ref_schema(reference)
        keys["properties"] = {"name": {"const": name}, **keys.get("properties", {})}
        keys["required"] = ["name", *keys.get("required", ())]
        return reference


def _source(module: str) -> str:
    spec = find_spec(module)
    loader = spec.loader if spec else None
    source = getattr(loader, "get_source", lambda _: None)(module)
    return source or ""


ALGORITHMS = Plugins("simulator.algorithms", "Algorithm", "sfsim.algorithms")
COMPRESSORS = Plugins("simulator.learning.compression", "Compressor", "sfsim.compressors")
CUT_POLICIES = Plugins("simulator.scheduling.cuts", "CutPolicy", "sfsim.cut_policies")
DATASETS = Plugins("simulator.learning.data.datasets", "DataSet", "sfsim.datasets")
DISTRIBUTIONS = Plugins("simulator.world.distributions", "Distribution", "sfsim.distributions")
DRIVERS = Plugins("simulator.scheduling.drivers", "Driver", "sfsim.drivers")
OPTIMIZERS = Plugins("simulator.learning.optimizers", "Optimizer", "sfsim.optimizers")
PARTITIONS = Plugins("simulator.learning.data.partition", "Partition", "sfsim.partitions")
PRESENCES = Plugins("simulator.world.presences", "Presence", "sfsim.presences")
QUEUES = Plugins("simulator.scheduling.queues", "Queue", "sfsim.queues")
SCHEDULES = Plugins("simulator.learning.schedules", "Schedule", "sfsim.schedules")
SELECTIONS = Plugins("simulator.scheduling.selection", "Selection", "sfsim.selections")
SIGNALS = Plugins("simulator.world.signals", "Signal", "sfsim.signals")
STALENESS = Plugins("simulator.scheduling.staleness", "Staleness", "sfsim.staleness")

FAMILIES = {
    "datasets": DATASETS,
    "partitions": PARTITIONS,
    "algorithms": ALGORITHMS,
    "drivers": DRIVERS,
    "selections": SELECTIONS,
    "queues": QUEUES,
    "presences": PRESENCES,
    "distributions": DISTRIBUTIONS,
    "signals": SIGNALS,
    "staleness": STALENESS,
    "cut_policies": CUT_POLICIES,
    "optimizers": OPTIMIZERS,
    "schedules": SCHEDULES,
    "compressors": COMPRESSORS,
}
"""Every family, by what `sfsim list` calls it: a package with its contract in ``base`` and a file for each name."""
