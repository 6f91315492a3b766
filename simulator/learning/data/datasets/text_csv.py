"""Texts and labels in CSV and TSV files."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from simulator.learning.data.datasets.labels import Column
from simulator.learning.data.datasets.parquet_files import matching, row_place
from simulator.learning.data.datasets.text_table import Table, TextTable
from simulator.settings.base import Many
from simulator.settings.errors import UnfitError
from simulator.settings.files import open_regular

TSV = (".tsv", ".tab")
"""Files with these endings are divided by tabs, and have no quotation marks around texts."""
DELIMITERS = (";", "\t", "|", ",")
"""What else may stand between values where there seems to be one column only."""
_PARQUET = b"PAR1"
"""What Parquet files begin with."""
_WHOLE, _FRACTION = re.compile("-?[0-9]{1,18}"), re.compile(r"-?[0-9]*\.[0-9]+")
_LONGEST = 2**31 - 1
"""Characters in a value; Python's own bound is 131,072, which a book exceeds."""


class TextCsv(TextTable):
    """CSV files (or TSV) with columns of texts and a column of labels, in UTF-8.

    Labels that are all whole numbers are taken for numbers, others for text.

    Attributes:
        columns: the names of the columns where the first line of the files is data; null: the first line has them.
        delimiter: what stands between the values of a line; null: a tab in .tsv files, otherwise a comma.
        quotes: whether quotation marks may stand around a value that has delimiters or line breaks in it; null: as is
            usual, in all but .tsv files.
    """

    name: ClassVar[str] = "text_csv"
    columns: Annotated[Many[str], Field(min_length=1)] | None = None
    delimiter: Annotated[str, Field(min_length=1, max_length=1)] | None = None
    quotes: bool | None = None

    def opened(self, part: str) -> Table:
        paths = [path for pattern in getattr(self, part) for path in matching(part, pattern, "CSV")]
        return _CsvTable(part, paths, self)


def likely_delimiter(columns: Iterable[str]) -> str | None:
    """Return what seems to stand between the values of a file that seems to have one column; None where it has more."""
    first, *others = columns
    return next((mark for mark in DELIMITERS if not others and mark in first), None)


class _CsvTable(Table):
    """Several CSV files as one table.

    Args:
        key: the setting that names the files, for messages.
        paths: the files.
        settings: how they are written.
    """

    def __init__(self, key: str, paths: Sequence[str], settings: TextCsv) -> None:
        super().__init__(key, paths)
        self._settings = settings
        self._names = {path: self._header(path) for path in paths}

    def columns(self, path: str) -> dict[str, str]:
        return dict.fromkeys(self._names[path], "text")

    def hint_on(self, columns: Iterable[str]) -> str:
        found = likely_delimiter(columns)
        if found and self._settings.delimiter is None:
            return f"; where values are divided by {found!r}, say so: delimiter: {json.dumps(found)}"
        return "; where the first line is no header, name the columns: columns: [...]"

    def counts(self) -> list[int]:
        return [sum(1 for _ in self._records(path)) for path in self.paths]

    def labels(self, column: str) -> list[Column]:
        read = [Column(path, [values[0] for values in self._values(path, [column])]) for path in self.paths]
        whole = [[_WHOLE.fullmatch(value) is not None for value in column.values] for column in read]
        first = next((marks[0] for marks in whole if marks), False)
        for of_file, marks in zip(read, whole, strict=True):
            for row, (value, mark) in enumerate(zip(of_file.values, marks, strict=True)):
                if not value:
                    raise of_file.refuse(row, "it is missing")
                if _FRACTION.fullmatch(value):
                    raise of_file.refuse(row, "that is not a label", "whole numbers from 0, or text")
                if mark != first:
                    kinds = ("whole numbers", "text") if first else ("text", "whole numbers")
                    why = f"labels above are {kinds[0]}, and this is {'text' if first else 'a whole number'}"
                    raise of_file.refuse(row, why, "labels of one kind")
        return [Column(of_file.file, list(map(int, of_file.values))) for of_file in read] if first else read

    def rows(self, rows: np.ndarray, columns: Sequence[str]) -> Iterator[tuple[str, list[Any]]]:
        wanted, before = iter(rows.tolist()), 0
        row = next(wanted, None)
        for path in self.paths:
            number = -1
            for number, values in enumerate(self._values(path, columns)):
                if before + number == row:
                    yield row_place(path, number), values
                    row = next(wanted, None)
                    if row is None:
                        return
            before += number + 1

    def file_bytes(self, rows: np.ndarray, columns: Sequence[str]) -> np.ndarray:
        sizes = (sum(len(value.encode()) for value in values) for _, values in self.rows(rows, columns))
        return np.fromiter(sizes, np.int64)

    def _values(self, path: str, columns: Sequence[str]) -> Iterator[list[str]]:
        """Yield the values of each row in some columns."""
        places = [self._names[path].index(name) for name in columns]
        for record in self._records(path):
            yield [record[place] for place in places]

    def _header(self, path: str) -> list[str]:
        if self._settings.columns is not None:
            return list(self._settings.columns)
        names = next(self._lines(path), [])
        if not names:
            raise UnfitError(self.key, None, f"{path} is empty")
        return names

    def _records(self, path: str) -> Iterator[list[str]]:
        """Yield the values of each row, as many as there are columns; empty lines are left out."""
        names, lines = self._names[path], self._lines(path)
        if self._settings.columns is None:
            next(lines)
        for row, values in enumerate(lines):
            if len(values) != len(names):
                count = f"{len(values)} value{'s' * (len(values) != 1)}, and there are {len(names)} columns"
                problem = f"{row_place(path, row)}, has {count}"
                how = "quotation marks around values that have the delimiter in them; or see delimiter and quotes"
                raise UnfitError(self.key, None, problem, how)
            yield values

    def _lines(self, path: str) -> Iterator[list[str]]:
        tabs = path.lower().endswith(TSV)
        delimiter = self._settings.delimiter or ("\t" if tabs else ",")
        quotes = not tabs if self._settings.quotes is None else self._settings.quotes
        quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
        with _readable(self.key, path), open_regular(Path(path)) as file:
            if file.read(len(_PARQUET)) == _PARQUET:
                raise UnfitError(
                    self.key, None, f"{path} is a Parquet file, not a CSV file", "data: {name: text_parquet}"
                )
            file.seek(0)
            csv.field_size_limit(_LONGEST)
            text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
            # Without strict, a quotation mark that is never closed would make the rest of the file one value.
            for values in csv.reader(text, delimiter=delimiter, quoting=quoting, strict=True):
                if values:
                    yield values


@contextmanager
def _readable(key: str, path: str) -> Iterator[None]:
    """Turn errors of reading a file into an ``UnfitError`` that names it."""
    try:
        yield
    except FileNotFoundError:
        raise UnfitError(key, None, f"there is no file {path}") from None
    except UnicodeDecodeError as error:
        problem = f"{path} is not UTF-8: it has the byte 0x{error.object[error.start]:02x}, which does not occur there"
        raise UnfitError(key, None, problem, "the file saved as UTF-8") from error
    except csv.Error as error:
        raise UnfitError(key, None, f"{path} cannot be read as CSV: {error}", "see delimiter and quotes") from error
    except OSError as error:
        raise UnfitError(key, None, f"{path} cannot be read: {error.strerror or error}") from error
