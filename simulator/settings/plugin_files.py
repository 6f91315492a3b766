"""Files of a user's that define plug-ins: loaded by `--plugin`, and kept beside the runs that used them."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.settings import user_code
from simulator.settings.base import Settings
from simulator.settings.errors import ScenarioError
from simulator.settings.plugins import FAMILIES, Plugins
from simulator.settings.user_code import short


@dataclass(frozen=True)
class PluginFile:
    """A file of Python whose plug-ins scenarios can name.

    Attributes:
        path: the file, absolute.
        text: its content when it was loaded.
        sha256: the hash of its content.
        module: the name of the module that it was loaded as.
        names: the names of its plug-ins, by family.
    """

    path: Path
    text: bytes
    sha256: str
    module: str
    names: dict[str, list[str]]


_loaded: dict[Path, PluginFile] = {}


def load_file(path: Path | str) -> PluginFile:
    """Load a file of Python, so that scenarios can name the plug-ins that it defines, of whatever family.

    A file that is loaded again is read again if it has changed; its plug-ins then replace its former ones. Its folder
    is appended to the module path, so it can import what lies beside it.

    Raises:
        ScenarioError: the file cannot be read or executed, defines no plug-in, or one whose name is taken; or a step is
            made in it and dropped, for lack of a ``yield from``.
    """
    shown, path = str(path), Path(path).expanduser().absolute()
    text = user_code.read(shown, path)
    sha256 = hashlib.sha256(text).hexdigest()
    if path in _loaded and _loaded[path].sha256 == sha256:
        return _loaded[path]
    unload_file(path)
    user_code.know_as(str(path), shown)
    name = f"{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    members = vars(user_code.execute(shown, path, text, name)).values()
    own = [member for member in members if isinstance(member, type) and member.__module__ == name]
    found = {family: [kind for kind in own if _is_plugin(kind, kinds)] for family, kinds in FAMILIES.items()}
    if not any(found.values()):
        raise ScenarioError(f"{shown} defines nothing that a scenario can name{_nearly(own)}")
    for family, plugins in found.items():
        for plugin in plugins:
            _check_free(shown, FAMILIES[family], plugin)
    for family, plugins in found.items():
        for plugin in plugins:
            FAMILIES[family].add(plugin)
    names = {family: [str(vars(plugin)["name"]) for plugin in plugins] for family, plugins in found.items() if plugins}
    _loaded[path] = PluginFile(path, text, sha256, name, names)
    return _loaded[path]


def unload_file(path: Path | str) -> None:
    """Forget the plug-ins of a file; nothing happens if it is not loaded."""
    file = _loaded.pop(Path(path).expanduser().absolute(), None)
    for family, names in file.names.items() if file else ():
        for name in names:
            FAMILIES[family].remove(name)


def loaded_files() -> list[PluginFile]:
    """Return the files that have been loaded, in that order."""
    return list(_loaded.values())


def own_lines(error: BaseException) -> str | None:
    """Return an error in the code of a loaded file as a message with that file's own lines; None for any other."""
    own = user_code.shortened(error, lambda path: Path(path) in _loaded) if _loaded else None
    return f"an error in a plug-in:\n{own}" if own else None


def files_of(settings: Any) -> list[PluginFile]:
    """Return the loaded files that define a part of some settings, in the order in which they were loaded."""
    modules = set(_modules_of(settings)) if _loaded else set[str]()
    return [file for file in _loaded.values() if file.module in modules]


def _modules_of(settings: Any) -> Iterator[str]:
    if isinstance(settings, Settings):
        yield type(settings).__module__
        for key in type(settings).model_fields:
            yield from _modules_of(getattr(settings, key))
    elif isinstance(settings, dict | list | tuple):
        for part in settings.values() if isinstance(settings, dict) else settings:
            yield from _modules_of(part)


def _is_plugin(kind: type, kinds: Plugins) -> bool:
    return isinstance(vars(kind).get("name"), str) and any(map(kinds.is_base, kind.__mro__[1:]))


def _check_free(file: str, kinds: Plugins, plugin: type) -> None:
    """Check that the name of a plug-in is not taken.

    Raises:
        ScenarioError: it is; the message says by what.
    """
    name = str(vars(plugin)["name"])
    where = kinds.origin(name)
    other = next((short(str(f.path)) for f in _loaded.values() for names in f.names.values() if name in names), None)
    if where or (other and name in kinds.names()):
        owner = "sfsim has" if where == "sfsim" else f"{where or other} has"
        problem = f"{owner} an {kinds.kind}" if kinds.kind[0] in "aeio" else f"{owner} a {kinds.kind}"
        raise ScenarioError(
            f'{file}: {plugin.__name__} has the name "{name}", but {problem} of this name: give another'
        )


def _nearly(classes: list[type]) -> str:
    """Return how the message for a file without plug-ins goes on: what it lacks, or what would count."""
    for kind in classes:
        for kinds in FAMILIES.values():
            if any(map(kinds.is_base, kind.__mro__[1:])):
                return f': {kind.__name__} is {_one(kinds.base)} without a name; give it name: ClassVar[str] = "..."'
    return f": what counts are classes with a name, derived from {', '.join(kinds.base for kinds in FAMILIES.values())}"


def _one(noun: str) -> str:
    """Return a noun with its article."""
    return f"{'an' if noun[0].lower() in 'aeio' else 'a'} {noun}"
