"""The modules that plug-ins import from the folder in which they lie: a change of them is a change of the plug-in.

They are executed from a text that is kept, so that what is recorded of a plug-in is what ran, here and in workers.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from importlib.util import find_spec, resolve_name, spec_from_file_location
from pathlib import Path
from types import CodeType
from typing import Any


@dataclass(frozen=True)
class Module:
    """A module that a plug-in imports.

    Attributes:
        name: its full name.
        path: its file, absolute, in a folder that is reached through no link.
        text: its content when it was first needed.
    """

    name: str
    path: Path
    text: bytes


_kept: dict[str, Module] = {}
"""What is executed when a module of this name is imported."""


@contextmanager
def imports_from(folder: Path, sent: Sequence[Module] = ()) -> Iterator[list[str]]:
    """Keep the text of every module that is imported from a folder within this context; the value names them.

    If an error is raised, they are forgotten, so that they are read again the next time.

    Args:
        folder: the folder of the plug-in.
        sent: modules with their texts, which are executed in place of the files.
    """
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    before, names, outer = set(_kept), list[str](), _finder.folder
    forget(sent)
    _kept.update({module.name: module for module in sent})
    _finder.folder = folder
    try:
        yield names
    except BaseException:
        forget([_kept[name] for name in _kept.keys() - before])
        raise
    finally:
        _finder.folder = outer
    names += _kept.keys() - before


def used_by(text: bytes, folder: Path, imported: Sequence[str]) -> tuple[Module, ...]:
    """Return the modules in a folder that a plug-in uses, by name: what was imported for it, and what it names.

    Args:
        text: the plug-in, which can be compiled.
        folder: its folder.
        imported: the names of the modules that were imported when it was executed.
    """
    found = {name: _kept[name] for name in imported}
    texts = [(text, ""), *((module.text, _package(module)) for module in found.values())]
    while texts:
        for name in _named(*texts.pop()):
            module = None if name in found else _in_folder(name, folder)
            if module is not None:
                found[name] = _kept[name] = module
                texts.append((module.text, _package(module)))
    return tuple(found[name] for name in sorted(found))


def have_changed(modules: Sequence[Module]) -> bool:
    """Return whether the file of a module has another content by now, or is gone."""
    return any(not module.path.is_file() or module.path.read_bytes() != module.text for module in modules)


def forget(modules: Sequence[Module]) -> None:
    """Forget modules, so that the next import executes them again."""
    for module in modules:
        _kept.pop(module.name, None)
        sys.modules.pop(module.name, None)


class _Loader(SourceFileLoader):
    def get_code(self, fullname: str) -> CodeType:  # not from a cache, which may have been made of another text
        code: CodeType = self.source_to_code(_kept[fullname].text, self.path)
        return code


class _Finder(MetaPathFinder):
    """Finds modules whose texts are kept, and keeps those of modules in a folder."""

    folder: Path | None = None

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if name not in _kept and self.folder is not None:
            found = PathFinder.find_spec(name, path, target)
            if found is not None and _lies_in(found.origin, self.folder):
                _kept[name] = _read(name, Path(str(found.origin)))
        if name not in _kept:
            return None
        file = _kept[name].path
        inside = [str(file.parent)] if file.name == "__init__.py" else None
        loader = _Loader(name, str(file))
        return spec_from_file_location(name, file, loader=loader, submodule_search_locations=inside)


_finder = _Finder()


def _lies_in(file: str | None, folder: Path) -> bool:
    """Return whether a file of Python lies in a folder, and not in an environment or in this package there."""
    if file is None or not file.endswith(".py"):
        return False
    path, folder = _real(Path(file)), folder.resolve()
    if not path.is_relative_to(folder) or path.is_relative_to(Path(__file__).resolve().parents[1]):
        return False
    prefixes = (Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix))
    environments = [prefix for prefix in prefixes if prefix.is_relative_to(folder)]
    installed = {"site-packages", "dist-packages"} & set(path.relative_to(folder).parts)
    return not installed and not any(map(path.is_relative_to, environments))


def _real(file: Path) -> Path:
    """Return the path of a file in a folder that is reached through no link."""
    return Path(os.path.realpath(file.parent)) / file.name


def _read(name: str, file: Path) -> Module:
    return Module(name, _real(file), file.read_bytes())


def _package(module: Module) -> str:
    return module.name if module.path.name == "__init__.py" else module.name.rpartition(".")[0]


def _named(text: bytes, package: str) -> Iterator[str]:
    """Yield the names of modules that a text may import, and of the packages around them."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and (package or not node.level):
            whole = resolve_name("." * node.level + (node.module or ""), package)
            names = [whole, *(f"{whole}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            parts = name.split(".")
            yield from (".".join(parts[:end]) for end in range(1, len(parts) + 1))


def _in_folder(name: str, folder: Path) -> Module | None:
    """Return a module if its file lies in a folder; it need not have been imported yet."""
    if name in _kept:
        return _kept[name] if _lies_in(str(_kept[name].path), folder) else None
    loaded = sys.modules.get(name)
    if loaded is not None:
        file = getattr(loaded, "__file__", None)
    elif "." in name:
        path = folder.joinpath(*name.split("."))
        file = next((str(one) for one in (path.with_suffix(".py"), path / "__init__.py") if one.is_file()), None)
    else:
        spec = find_spec(name)
        file = spec.origin if spec is not None else None
    return _read(name, Path(file)) if file is not None and _lies_in(file, folder) else None
