"""Read the files of run folders: text, JSON, YAML and CSV with typed columns, and one kind of error for all."""

from __future__ import annotations

import json
from collections.abc import Set
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from simulator.settings.csv_cells import unescaped
from simulator.settings.errors import MessageError

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the former is ten times as fast, but not always installed
_WORDS = frozenset({"algorithm", "label", "side", "phase", "activity", "client", "device", "class_name", "reason"})
_WORDS |= {"payer", "group", "item"}
LARGE = 8_000_000
"""CSV files of more bytes than this are read in the way that suits large ones."""
_INEXACT = tuple(map(int, pd.__version__.split(".")[:2])) < (3, 1)
"""Whether this pandas reads every third number only to its last digit but one, unless it is told otherwise."""
_EXACT: dict[str, Any] = {"float_precision": "round_trip"} if _INEXACT else {}


class RunError(MessageError):
    """A folder is no run (or no sweep), a file in it cannot be read, or it does not hold what was asked for.

    The message names the file and what is wrong with it, or what is available.
    """


def check_folder(folder: Path) -> None:
    """Check that a folder exists.

    Raises:
        RunError: there is nothing at this path, or a file.
    """
    if not folder.exists():
        raise RunError(f"{folder}: there is no such folder")
    if not folder.is_dir():
        raise RunError(f"{folder}: this is a file, not a folder")


def read_text(path: Path) -> str:
    """Return the content of a text file.

    Raises:
        RunError: the file is missing or cannot be read.
    """
    if not path.is_file():
        raise RunError(f"{path}: this file is missing")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RunError(f"{path}: cannot be read: {first_line(error)}") from error


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file.

    Raises:
        RunError: the file is missing, or holds no JSON object.
    """
    try:
        return _mapping(path, json.loads(read_text(path)))
    except json.JSONDecodeError as error:
        raise RunError(f"{path}: cannot be read as JSON: {error}") from error


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the mapping in a YAML file.

    Raises:
        RunError: the file is missing, or holds no mapping in YAML.
    """
    try:
        return _mapping(path, yaml.load(read_text(path), Loader=_LOADER))
    except yaml.YAMLError as error:
        raise RunError(f"{path}: cannot be read as YAML: {first_line(error)}") from error


def _mapping(path: Path, value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise RunError(f"{path}: must be a mapping of keys to values")
    return value


def read_csv(
    path: Path, columns: tuple[str, ...], later: tuple[str, ...] = (), words: Set[str] = _WORDS
) -> pd.DataFrame:
    """Return the table in a CSV file, with typed columns; the texts of a large one are categorical.

    Args:
        path: the file.
        columns: the columns that it must have.
        later: those that came with later versions, so that it may lack them.
        words: the columns that hold text.

    Raises:
        RunError: the file is missing, cannot be read, or lacks a column.
    """
    if not is_large(path):
        read_text(path)  # raises if the file is missing or unreadable
    try:
        # A label may be called "NA" or "1": only an empty field counts as missing, and words stay words.
        if is_large(path):
            frame = _large(path, words)
        else:
            words_kept = dict.fromkeys(words, "str")
            frame = pd.read_csv(path, dtype=words_kept, keep_default_na=False, na_values=[""], **_EXACT)
    except ValueError as error:  # covers pandas' ParserError and EmptyDataError
        raise RunError(f"{path}: cannot be read as CSV: {first_line(error)}") from error
    frame = as_written(frame)
    demand_columns(path, frame.columns, columns)
    return typed(path, frame, columns, later, words)


def is_large(path: Path) -> bool:
    """Return whether a CSV file is there, and is read in the way that suits large ones."""
    return path.is_file() and path.stat().st_size > LARGE


def _large(path: Path, words: Set[str]) -> pd.DataFrame:
    """Return a large table, each of whose texts is in memory once."""
    from pyarrow import csv, default_memory_pool, dictionary, int32, string

    kinds = {word: dictionary(int32(), string()) for word in words}
    options = csv.ConvertOptions(
        column_types=kinds, null_values=[""], strings_can_be_null=True, quoted_strings_can_be_null=True
    )
    # One thread: this one is beside others' trials, and a file of 50 MB takes half a second.
    table = csv.read_csv(
        path,
        read_options=csv.ReadOptions(use_threads=False),
        parse_options=csv.ParseOptions(newlines_in_values=True),
        convert_options=options,
    )
    frame = table.to_pandas(self_destruct=True, split_blocks=True)
    del table
    default_memory_pool().release_unused()  # several times as much as the frame has
    return frame


def as_written(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame from a CSV file without the marks before texts that a spreadsheet would take for formulas."""
    cells = {str(name): frame[name].map(unescaped) for name in frame if _marked(frame[name])}
    return frame.assign(**cells).rename(columns=unescaped)


def _marked(column: pd.Series) -> bool:
    """Return whether a column has texts that begin with a mark, as hardly any has."""
    if isinstance(column.dtype, pd.CategoricalDtype):
        column = column.cat.categories.to_series()
    return pd.api.types.is_string_dtype(column.dtype) and bool(column.str.startswith("'").eq(True).any())


def read_if_there(path: Path, columns: tuple[str, ...], *more_words: str) -> pd.DataFrame:
    """Return the table in a CSV file, or an empty one if there is no such file, as in runs of earlier versions.

    Args:
        path: the file.
        columns: the columns that it must have.
        more_words: those of them that hold text, beside the usual ones.

    Raises:
        RunError: the file cannot be read, or lacks a column.
    """
    there = path.exists()
    return read_csv(path, columns, words=_WORDS.union(more_words)) if there else pd.DataFrame(columns=list(columns))


def typed(
    path: Path, frame: pd.DataFrame, columns: tuple[str, ...], later: tuple[str, ...] = (), words: Set[str] = _WORDS
) -> pd.DataFrame:
    """Return a frame with its columns typed: text, whole numbers for seed, round and class, else floats (NaN: missing).

    Args:
        path: the file that the frame is from, for messages.
        frame: the frame.
        columns: columns that it has.
        later: columns that came with later versions, so that the frame may lack them.
        words: the columns that hold text.

    Raises:
        RunError: a column of numbers holds something else.
    """
    frame = frame.assign(**{column: float("nan") for column in later if column not in frame})
    for column in (*columns, *later):
        try:
            if column in words:
                if not isinstance(frame[column].dtype, pd.CategoricalDtype):
                    frame[column] = frame[column].astype(str)
            elif column in ("seed", "round", "class"):
                frame[column] = frame[column].astype("int64")
            else:
                frame[column] = frame[column].astype("float64")
        except (TypeError, ValueError) as error:
            raise RunError(f"{path}: column {column!r} holds something else than numbers: {error}") from error
    return frame


def demand_columns(path: Path, present: Any, wanted: tuple[str, ...]) -> None:
    """Check that these columns are there.

    Raises:
        RunError: one is not.
    """
    missing = [column for column in wanted if column not in present]
    if missing:
        raise RunError(f"{path}: lacks {', '.join(missing)}")


def first_line(error: Exception) -> str:
    """Return the first line of a library's error message; the rest would not help a user of sfsim."""
    return (str(error).splitlines() or [type(error).__name__])[0]
