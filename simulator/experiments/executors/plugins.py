"""Functions that take the plug-in files of this process to wherever they are run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simulator.experiments.executors.base import R, T
from simulator.settings.plugin_files import PluginFile, load_copy, loaded_files, unload_file


@dataclass(frozen=True)
class WithPlugins:
    """A function that can be sent to another process together with the files of plug-ins that its items are made of.

    The other process loads them before it reads an item, from the texts that they had here: a file that is edited while
    a sweep runs changes no trial of it.

    Attributes:
        files: the files.
        function: the function.
    """

    files: tuple[PluginFile, ...]
    function: Callable[..., object]

    def __call__(self, item: object) -> object:
        return self.function(item)

    def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
        return _with_loaded, (self.files, self.function)


def with_plugins(function: Callable[[T], R]) -> Callable[[T], R]:
    """Return a function that takes the plug-in files that are loaded here to wherever it is run."""
    files = tuple(loaded_files())
    return WithPlugins(files, function) if files else function  # type: ignore[return-value]


def _with_loaded(files: tuple[PluginFile, ...], function: Callable[..., object]) -> WithPlugins:
    wanted = {file.path for file in files}
    for file in loaded_files():
        if file.path not in wanted:  # of an earlier sweep in the same worker; its names may be taken anew
            unload_file(file.path)
    for file in files:
        load_copy(file)
    return WithPlugins(files, function)
