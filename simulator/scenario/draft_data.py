"""What data a folder holds, as the keys by which a scenario names them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from simulator.scenario.draft_texts import text_keys, unused_words
from simulator.settings.errors import UnfitError
from simulator.settings.plugins import DATASETS
from simulator.settings.wording import listed


@dataclass(frozen=True)
class Data:
    """The data set of a draft.

    Attributes:
        entry: its keys in a scenario.
        train, test: how many samples there are.
        classes: how many classes there are.
        words: what was found, as a sentence.
        kind: what the samples are: ``images`` or ``texts``.
        task: what is learned from them.
    """

    entry: dict[str, Any]
    train: int
    test: int
    classes: int
    words: str
    kind: str = "images"
    task: str = "classification"


def data_in(folder: str, scenario: Path) -> Data:
    """Return the data set in a folder: images in a folder for each class, or tables of images or texts,
    or plain text files.

    Args:
        folder: the folder; empty: the digits that come with the package.
        scenario: the file of the scenario; paths in it start at its folder.

    Raises:
        ValueError: there is no such folder, or nothing in it that can be used; the message says what is wanted.
    """
    if not folder:
        return _loaded({"name": "digits"}, "Handwritten digits, which come with the package: {}.")
    root = Path(folder).expanduser()
    if not root.is_dir():
        raise ValueError(f"{folder} is a file: name its folder" if root.exists() else f"there is no folder {folder}")
    here = os.path.relpath(root, scenario.absolute().parent)
    if parquet := sorted(root.rglob("*.parquet")):
        return _parquet(root, here, [path.relative_to(root) for path in parquet])
    tables = sorted(path.relative_to(root) for path in root.iterdir() if path.suffix.lower() in (".csv", ".tsv"))
    if tables and not any(path.is_dir() for path in root.iterdir()):  # beside folders, it describes the images in them
        return _csv(root, here, tables)
    there = sorted(path for path in root.iterdir() if not path.name.startswith("."))
    if there and all(path.is_file() and path.suffix.lower() == ".txt" for path in there):
        trains, tests = _parts(root, [path.relative_to(root) for path in there], "text")
        entry = {"name": "text_files", "train": _written(here, trains), "test": _written(here, tests)}
        return _loaded(entry, "Text files of which the next token is learned, with {}.", root, trains, tests)
    entry = {"name": "folder", "path": here}
    tested = any((root / name).is_dir() for name in ("test", "val", "valid", "validation"))
    if not ((root / "train").is_dir() and tested):
        entry["test_fraction"] = 0.2  # there are no test images of their own
    words = "Image files of {}" + (", a fifth of each class taken for testing." if "test_fraction" in entry else ".")
    return _loaded(entry, words, root)


def _parquet(root: Path, here: str, files: Sequence[Path]) -> Data:
    """Return the data set in Parquet files, some of which are for testing."""
    from pyarrow import ArrowException, types
    from pyarrow.parquet import read_schema

    trains, tests = _parts(root, files, "Parquet")
    try:
        schema = read_schema(root / trains[0])
    except (OSError, ArrowException) as error:
        raise ValueError(f"{root / trains[0]} cannot be read as Parquet: {str(error).splitlines()[0]}") from None

    def first(names: Iterable[str], suits: Callable[[Any], bool]) -> str | None:
        usual = [name for name in names if name in schema.names]
        return next((name for name in (*usual, *schema.names) if suits(schema.field(name).type)), None)

    image = first(
        ("img", "image"), lambda kind: types.is_struct(kind) or types.is_binary(kind) or types.is_large_binary(kind)
    )
    label = first(("label", "fine_label", "labels"), lambda kind: types.is_integer(kind) or types.is_string(kind))
    if image is None:
        from simulator.learning.data.datasets.text_parquet import ParquetTable

        path = str(root / trains[0])
        columns = ParquetTable("train", [path]).columns(path)
        if texts := text_keys(columns):
            paths = {"train": _written(here, trains), "test": _written(here, tests)}
            entry, unused = {"name": "text_parquet", **paths, **texts}, unused_words(columns, texts)
            return _loaded(entry, "Parquet files with {}.", root, trains, tests, unused)
    if image is None or label is None:
        lacks = "neither images (as bytes) nor texts" if image is None else "no labels (numbers or text)"
        raise ValueError(f"{root / trains[0]} has {lacks} in its columns ({listed(schema.names)})")

    entry = {"name": "parquet", "train": _written(here, trains), "test": _written(here, tests)}
    entry |= {"image": image, "label": label}
    return _loaded(entry, "Parquet files with {}.", root, trains, tests)


def _csv(root: Path, here: str, files: Sequence[Path]) -> Data:
    """Return the data set in CSV or TSV files of texts, some of which are for testing."""
    trains, tests = _parts(root, files, "CSV")
    from simulator.learning.data.datasets.text_csv import likely_delimiter

    entry = {"name": "text_csv", "train": _written(here, trains), "test": _written(here, tests)}

    def read() -> dict[str, str]:
        table = DATASETS.read(entry | {"train": str(root / trains[0])}).opened("train")  # type: ignore[attr-defined]
        columns: dict[str, str] = table.columns(table.paths[0])
        return columns

    try:
        columns = read()
        if mark := likely_delimiter(columns):
            entry["delimiter"] = mark
            columns = read()
    except UnfitError as error:
        raise ValueError(str(error)) from None
    texts = text_keys(columns) or {}
    return _loaded({**entry, **texts}, "Tables with {}.", root, trains, tests, unused_words(columns, texts))


def _parts(root: Path, files: Sequence[Path], kind: str) -> tuple[list[Path], list[Path]]:
    """Return the files to train with and those to test with, by their names.

    Args:
        root: their folder.
        files: the files, relative to it.
        kind: what they are called in a message.
    """
    tests = [path for path in files if any(word in path.name.lower() for word in ("test", "val"))]
    trains = [path for path in files if path not in tests]
    if not tests or not trains:
        there = listed(map(str, files[:5]))
        raise ValueError(
            f"{root} has {kind} files ({there}), but none to {'train' if tests else 'test'} with: "
            f"the names of those for testing have test in them, such as {files[0].with_stem('test').name}"
            f"{_how_to_split(root / files[0]) if trains else ''}"
        )
    return trains, tests


def _how_to_split(table: Path) -> str:
    """Return in words a line of Python that sets a fifth of a table aside for testing, in a new folder."""
    suffix = table.suffix.lower().removeprefix(".")
    kind, index = ("parquet", "") if suffix == "parquet" else ("csv", ", index=False")
    tab = ', sep="\\t"' * (suffix == "tsv")
    lines = (
        f'import os, pandas; os.makedirs("split"); table = pandas.read_{kind}({json.dumps(str(table))}{tab})',
        "test = table.sample(frac=0.2, random_state=0)",
        f'test.to_{kind}("split/test.{suffix}"{tab}{index})',
        f'table.drop(test.index).to_{kind}("split/train.{suffix}"{tab}{index})',
    )
    return f"; this Python sets a fifth aside, in the new folder split: {'; '.join(lines)}"


def _written(here: str, paths: Sequence[Path]) -> Any:
    """Return paths as a scenario has them, from the folder in which they are."""
    names = [str(Path(here, path)) for path in paths]
    return names[0] if len(names) == 1 else names


def _loaded(
    entry: dict[str, Any],
    words: str,
    root: Path | None = None,
    trains: Sequence[Path] = (),
    tests: Sequence[Path] = (),
    more: str = "",
) -> Data:
    """Return a data set with its counts, which reading its labels gives.

    Args:
        entry: its keys in a scenario.
        words: what it is, with ``{}`` for the counts.
        root: its folder; None if it has none.
        trains, tests: its tables, relative to the folder.
        more: what else is to be said, as it is.
    """
    keys = dict(entry)
    if "path" in keys:
        keys["path"] = str(root)
    elif root is not None:
        keys |= {"train": [str(root / path) for path in trains], "test": [str(root / path) for path in tests]}
    try:
        raw = DATASETS.read(keys).load().check()  # type: ignore[attr-defined]
    except UnfitError as error:
        where = "" if root is None or str(root) in str(error) else f"{root}: "
        fifth = "test_fraction" in entry and error.key == "name"
        lacking = "; a fifth of each class is taken for testing, so give each at least three" if fifth else ""
        raise ValueError(f"{where}{error}{lacking}") from None
    classified = raw.task == "classification"
    if classified and raw.classes < 2:
        raise ValueError(f"{root} has {raw.kind} of one class only: there must be two to tell apart")
    classes = f"{raw.classes} classes, " * classified
    counts = f"{classes}{len(raw.train)} {raw.kind} to train with and {len(raw.test)} to test with"
    return Data(entry, len(raw.train), len(raw.test), raw.classes, words.format(counts) + more, raw.kind, raw.task)
