"""The files that `sfsim new` writes, from templates in the assets."""

from __future__ import annotations

import keyword
import re
from importlib.resources import files
from pathlib import Path
from string import Template

from simulator.settings.plugins import ALGORITHMS

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class NameTakenError(ValueError):
    """A name that a new algorithm cannot have; the text says why."""


def files_for(name: str, file: Path) -> dict[Path, str]:
    """Return the texts of a new algorithm and of its test, by their files.

    Args:
        name: what scenarios will call the algorithm.
        file: the file of the algorithm; the test goes beside it.

    Raises:
        NameTakenError: the name is none, or there is an algorithm of this name; or the file cannot be a module.
    """
    if not _NAME.fullmatch(name) or keyword.iskeyword(name):
        wanted = re.sub(r"[^a-z0-9]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")
        instead = f"; did you mean {wanted}?" if _NAME.fullmatch(wanted) and not keyword.iskeyword(wanted) else ""
        raise NameTakenError(
            f'"{name}" is no name for an algorithm: small letters, digits and _, a letter first{instead}'
        )
    if name in ALGORITHMS.names():
        raise NameTakenError(f'there is an algorithm "{name}" already: sfsim list algorithms shows all')
    if file.suffix != ".py" or not file.stem.isidentifier():
        raise NameTakenError(f"{file}: the file of an algorithm is a Python module, such as {name}.py")
    test = file.with_name(f"test_{file.name}")
    values = {
        "name": name,
        "class_name": "".join(map(str.capitalize, name.split("_"))),
        "file": file.name,
        "test_file": test.name,
    }
    return {file: _filled("new_algorithm.py.txt", values), test: _filled("test_new_algorithm.py.txt", values)}


def _filled(template: str, values: dict[str, str]) -> str:
    text = (files("simulator") / "assets" / template).read_text(encoding="utf-8")
    return Template(text).substitute(values)
