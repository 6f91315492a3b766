"""The files that `sfsim new` writes, from templates in the assets."""

from __future__ import annotations

import ast
import builtins
import keyword
import re
import unicodedata
from importlib.resources import files
from pathlib import Path
from string import Template

from simulator.settings import yamlfile
from simulator.settings.plugins import ALGORITHMS

ALGORITHM, TEST = "new_algorithm.py.txt", "test_new_algorithm.py.txt"
"""The templates, in the assets."""
_NAME = re.compile(r"[a-z][a-z0-9_]*")


class NameTakenError(ValueError):
    """A name that a new algorithm cannot have; the text says why."""


def files_for(name: str, file: Path) -> dict[Path, str]:
    """Return the texts of a new algorithm and of its test, by their files.

    Args:
        name: what scenarios will call the algorithm.
        file: the file of the algorithm; the test goes beside it.

    Raises:
        NameTakenError: the name does not fit, or there is an algorithm of this name; or the file cannot be a module.
    """
    if keyword.iskeyword(name):
        raise NameTakenError(f'"{name}" is a keyword of Python, which no algorithm can be called: choose another name')
    if not _NAME.fullmatch(name):
        rule = "small letters a to z, digits and _, a letter first"
        raise NameTakenError(f'"{name}" is not a name for an algorithm: {rule}{_near(name)}')
    if yamlfile.parse(name)[0] != name:
        raise NameTakenError(f'"{name}" is not text in a YAML file, but a value: choose another name')
    if name in ALGORITHMS.names():
        raise NameTakenError(f'there is an algorithm "{name}" already: sfsim list algorithms shows all')
    if file.suffix != ".py" or not file.stem.isidentifier():
        raise NameTakenError(f"{file}: the file of an algorithm is a Python module, such as {name}.py")
    test = file.with_name(f"test_{file.name}")
    values = {
        "name": name,
        "class_name": _class_name(name),
        "file": file.name,
        "test_file": test.name,
    }
    return {file: _filled(ALGORITHM, values), test: _filled(TEST, values)}


def _near(name: str) -> str:
    """Return a name like this one that an algorithm can have, as the end of a message; empty if there is none."""
    plain = unicodedata.normalize("NFKD", name)
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", letters).lower()
    wanted = re.sub(r"[^a-z0-9]+", "_", parted).strip("_")
    fits = letters.isascii() and _NAME.fullmatch(wanted) and not keyword.iskeyword(wanted)
    return f"; did you mean {wanted}?" if fits else ""


def _class_name(name: str) -> str:
    """Return what the class of an algorithm is called: nothing that its file or Python uses already."""
    own = "".join(map(str.capitalize, name.split("_")))
    nodes = ast.walk(ast.parse(_text(ALGORITHM).replace("$", "")))
    imported = {alias.name for node in nodes if isinstance(node, ast.ImportFrom) for alias in node.names}
    taken = imported | set(dir(builtins))  # None and True among them
    return f"{own}Algorithm" if own in taken else own


def _filled(template: str, values: dict[str, str]) -> str:
    return Template(_text(template)).substitute(values)


def _text(template: str) -> str:
    return (files("simulator") / "assets" / template).read_text(encoding="utf-8")
