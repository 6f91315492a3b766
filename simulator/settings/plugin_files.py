"""Files of a user's that define plug-ins: loaded by `--plugin`, and kept beside the runs that used them."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from simulator.settings import user_code
from simulator.settings.base import Settings
from simulator.settings.errors import ScenarioError
from simulator.settings.plugin_modules import Module, forget, have_changed, imports_from, used_by
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
        shown: what messages call it.
        modules: the modules that it imports from its folder.
    """

    path: Path
    text: bytes
    sha256: str
    module: str
    names: dict[str, list[str]]
    shown: str
    modules: tuple[Module, ...] = ()

    @property
    def version(self) -> str:
        """The hash of all that it does: of its content, and of the modules that it imports from its folder."""
        if not self.modules:
            return self.sha256
        parts = [self.sha256, *((module.name, hashlib.sha256(module.text).hexdigest()) for module in self.modules)]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


_loaded: dict[Path, PluginFile] = {}


def load_file(path: Path | str) -> PluginFile:
    """Load a file of Python, so that scenarios can name the plug-ins that it defines, of whatever family.

    A file that is loaded again is read again if it has changed, or a module that it imports from its folder; its
    plug-ins then replace its former ones. Its folder is appended to the module path, so it can import what lies there.

    Raises:
        ScenarioError: the file cannot be read or executed, defines no plug-in, or one whose name is taken; or a step is
            made in it and dropped, for lack of a ``yield from``.
    """
    shown, path = str(path), Path(path).expanduser().absolute()
    text = user_code.read(shown, path)
    known = _loaded.get(path)
    if known is not None and known.text == text and not have_changed(known.modules):
        return known
    return _load(path, shown, text)


def load_copy(file: PluginFile) -> PluginFile:
    """Load a file as another process has loaded it, whatever it and the modules beside it have become since.

    Raises:
        ScenarioError: as ``load_file``.
    """
    known = _loaded.get(file.path)
    if known is not None and known.version == file.version:
        return known
    _loaded[file.path] = replace(_load(file.path, file.shown, file.text, file.modules), modules=file.modules)
    return _loaded[file.path]


def _load(path: Path, shown: str, text: bytes, sent: tuple[Module, ...] = ()) -> PluginFile:
    """Execute a file and add its plug-ins.

    Args:
        path: the file, absolute.
        shown: what messages call it.
        text: its content.
        sent: modules that are executed in place of those in its folder.

    Raises:
        ScenarioError: as ``load_file``.
    """
    unload_file(path)
    user_code.know_as(str(path), shown)
    sha256 = hashlib.sha256(text).hexdigest()
    name = f"{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    with imports_from(path.parent, sent) as imported:
        members = vars(user_code.execute(shown, path, text, name)).values()
        own = [member for member in members if isinstance(member, type) and member.__module__ == name]
        own = list(dict.fromkeys(own))
        found = {family: [kind for kind in own if _is_plugin(kind, kinds)] for family, kinds in FAMILIES.items()}
        if not any(found.values()):
            raise ScenarioError(f"{shown} defines nothing that a scenario can name{_nearly(own)}")
        for family, plugins in found.items():
            _check_distinct(shown, FAMILIES[family], plugins)
            for plugin in plugins:
                _check_free(shown, FAMILIES[family], plugin)
    for family, plugins in found.items():
        for plugin in plugins:
            FAMILIES[family].add(plugin)
    names = {family: [_name(plugin) for plugin in plugins] for family, plugins in found.items() if plugins}
    modules = used_by(text, path.parent, imported)
    _loaded[path] = PluginFile(path, text, sha256, name, names, shown, modules)
    return _loaded[path]


def unload_file(path: Path | str) -> None:
    """Forget the plug-ins of a file; nothing happens if it is not loaded."""
    file = _loaded.pop(Path(path).expanduser().absolute(), None)
    for family, names in file.names.items() if file else ():
        for name in names:
            FAMILIES[family].remove(name)
    if file is not None:
        used = {module.name for other in _loaded.values() for module in other.modules}
        forget([module for module in file.modules if module.name not in used])


def loaded_files() -> list[PluginFile]:
    """Return the files that have been loaded, in that order."""
    return list(_loaded.values())


def is_of_a_plugin(path: str) -> bool:
    """Return whether a file, given by its path, was loaded, or imported by one that was from beside it."""
    file = Path(path)
    return file in _loaded or any(file == module.path for one in _loaded.values() for module in one.modules)


def own_lines(error: BaseException) -> str | None:
    """Return an error in the code of a loaded file as a message with the plug-in's own lines; None for any other."""
    own = user_code.shortened(error, is_of_a_plugin) if _loaded else None
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


def _name(plugin: type) -> str:
    return str(vars(plugin)["name"])


def _check_distinct(file: str, kinds: Plugins, plugins: list[type]) -> None:
    """Check that the plug-ins of a family in one file have different names.

    Raises:
        ScenarioError: two have the same.
    """
    name, times = Counter(map(_name, plugins)).most_common(1)[0] if plugins else ("", 1)
    if times > 1:
        same = " and ".join(plugin.__name__ for plugin in plugins if _name(plugin) == name)
        raise ScenarioError(f'{file}: {same} have the same name, "{name}": give each {kinds.kind} its own')


def _check_free(file: str, kinds: Plugins, plugin: type) -> None:
    """Check that the name of a plug-in is not taken.

    Raises:
        ScenarioError: it is; the message says by what.
    """
    name = _name(plugin)
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
