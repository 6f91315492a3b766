"""The base of data sets that are tables of texts, such as Parquet and CSV files."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Any, Self

import numpy as np
from pydantic import BeforeValidator, Field, model_validator

from simulator.learning.data.datasets.base import Limited, Raw
from simulator.learning.data.datasets.choices import numbered_choices
from simulator.learning.data.datasets.encoding import Encoder, Row
from simulator.learning.data.datasets.labels import Column, numbered
from simulator.learning.data.datasets.parquet_files import Paths
from simulator.learning.data.datasets.texts import Encoded, Task, Texts, Vocabulary
from simulator.settings.base import Many, invalid
from simulator.settings.bounds import MOST_CLASSES
from simulator.settings.errors import UnfitError
from simulator.settings.wording import listed, near_miss, shown

LABEL = "label"
"""The column of labels where none is named."""
ONE_CLASS = ("text",)
"""The classes of texts without labels."""
NO_LABELS = "; task: next_token needs none"
"""What helps where there is no column of labels."""
BETWEEN: dict[Task, str] = {"classification": "", "next_token": "\n", "multiple_choice": " "}
"""What stands between texts that are joined into one, by the task."""

Columns = Annotated[
    Many[str], Field(min_length=1), BeforeValidator(lambda of: of if isinstance(of, list | tuple) else [of])
]
"""The name of a column, or a list of them."""


class Table(ABC):
    """Several files as one table; their content is read each time that it is needed.

    Attributes:
        key: the setting that names the files, for messages.
        paths: the files.
    """

    def __init__(self, key: str, paths: Sequence[str]) -> None:
        self.key, self.paths = key, paths

    @abstractmethod
    def columns(self, path: str) -> dict[str, str]:
        """Return what each column of a file holds: ``text``, ``texts`` (a list of them), or anything else in words."""

    def hint_on(self, columns: Iterable[str]) -> str:
        """Return what else may help where one of these columns was wanted and is none of them, after a semicolon."""
        return ""

    @abstractmethod
    def counts(self) -> list[int]:
        """Return how many rows each file has."""

    @abstractmethod
    def labels(self, column: str) -> list[Column]:
        """Read the labels of each file, without the texts."""

    @abstractmethod
    def rows(self, rows: np.ndarray, columns: Sequence[str]) -> Iterator[tuple[str, list[Any]]]:
        """Yield the place of each of these rows (ascending, counted over all files), and its values in columns."""

    @abstractmethod
    def file_bytes(self, rows: np.ndarray, columns: Sequence[str]) -> np.ndarray:
        """Return the size in bytes of the texts in columns of these rows, UTF-8, int64 [N]."""

    def class_names(self, column: str) -> Sequence[str]:
        """Return the names of the classes that a file declares for a column of labels; none where it declares none."""
        return ()


class TextTable(Limited):
    """Tables with columns of texts, for training and for testing.

    Attributes:
        train, test: the files for training and for testing, relative to the folder of the scenario; ``*`` matches
            anything.
        text: the column of texts, or several of them: the two texts of a pair in classification; in ``next_token``
            what comes before, and last what is predicted (question, answer), joined by a line break; in
            ``multiple_choice`` the context.
        label: the column of labels: whole numbers from 0, or text, or true and false; the latter two are numbered in
            sorted order. In ``multiple_choice``, the number of the right choice from 0, or its letter from A. In
            ``next_token`` it is used only to partition the texts. null: the column ``label``, which ``next_token`` does
            not need.
        choices: in ``multiple_choice``, the column that holds a list of texts, or a column for each choice.
        task: what is learned from the texts: their class, their next tokens, or the right one of several choices;
            null: ``multiple_choice`` where there are choices, ``classification`` otherwise.
        classes: how many classes there are; null: as the file declares (Hugging Face's ClassLabel), or as many as
            occur.
    """

    train: Paths
    test: Paths
    text: Columns = ("text",)
    label: str | None = None
    choices: Columns | None = None
    task: Task | None = None
    classes: Annotated[int, Field(gt=0, le=MOST_CLASSES)] | None = None

    @property
    def learned(self) -> Task:
        """The task, also where it is left open."""
        return self.task or ("multiple_choice" if self.choices else "classification")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.learned == "classification" and len(self.text) > 2:
            problem = "a text or a pair of texts can be classified"
            raise invalid([(("text",), list(self.text), problem, "one or two columns, or task: next_token")])
        if self.learned == "classification" and (self.label or LABEL) in self.text:
            problem = f"{self.label or LABEL} is the column of labels, which would be read off the text"
            raise invalid([(("text",), list(self.text), problem, "the columns of texts alone")])
        if self.choices and self.learned != "multiple_choice":
            raise invalid([(("choices",), list(self.choices), f"{self.task} has no choices", "task: multiple_choice")])
        if not self.choices and self.learned == "multiple_choice":
            problem = "multiple_choice needs the column of choices, or a column for each"
            raise invalid([(("choices",), None, problem, None)])
        return self

    def opened(self, part: str) -> Table:
        """Return the files of a part, ``train`` or ``test``, as a table."""
        raise NotImplementedError

    def load(self) -> Raw:
        train, test = self.opened("train"), self.opened("test")
        label = self._label(train, test)
        for table in (train, test):
            for path in table.paths:
                self._check(table, path, label)
        labels, names = self._numbered(train, test, label)
        files = len(train.paths)
        return Raw(self._texts("train", train, labels[:files]), self._texts("test", test, labels[files:]), names)

    def _label(self, train: Table, test: Table) -> str | None:
        """Return the column of labels; None where there need be none, and is none."""
        if self.label is not None or self.learned != "next_token":
            return self.label or LABEL
        there = all(LABEL in table.columns(path) for table in (train, test) for path in table.paths)
        return LABEL if there else None

    def _check(self, table: Table, path: str, label: str | None) -> None:
        """Refuse a file that lacks a column, or has no texts in one of texts."""
        columns = table.columns(path)
        wanted_columns: dict[str, tuple[str, ...]] = {"text": self.text, "choices": self.choices or ()}
        for setting, names in (wanted_columns | {"label": (label,) if label else ()}).items():
            for name in names:
                if name not in columns:
                    problem = f"{path} has no such column{near_miss(name, columns)}"
                    there = listed(shown(known)[1:-1] for known in columns)
                    needless = setting == "label" and self.learned == "classification"
                    raise UnfitError(setting, name, problem, there + table.hint_on(columns) + needless * NO_LABELS)
                wanted = {"text": "text", "choices": "texts" if len(names) == 1 else "text"}.get(setting)
                if wanted and columns[name] != wanted:
                    lists = {"text": "texts are", "texts": "a list of texts in each row is"}[wanted]
                    holds = {"text": "one text in each row", "texts": "lists of texts"}.get(columns[name])
                    problem = f"in {path} it holds {holds or columns[name]}, and {lists} wanted"
                    raise UnfitError(setting, name, problem, _of_kind(columns, wanted))

    def _numbered(self, train: Table, test: Table, label: str | None) -> tuple[list[np.ndarray], tuple[str, ...]]:
        """Return the labels of each file, int64 [N], and the names of the classes."""
        if label is None:
            return [np.zeros(count, np.int64) for count in (*train.counts(), *test.counts())], ONE_CLASS
        columns = [*train.labels(label), *test.labels(label)]
        if self.learned == "multiple_choice":
            return numbered_choices(columns, len(self.choices or ()))
        return numbered(columns, train.class_names(label), self.classes)

    def _texts(self, part: str, table: Table, labels: list[np.ndarray]) -> Texts:
        all_labels = np.concatenate(labels)
        rows = self.chosen(part, len(all_labels))
        columns = [*self.text, *(self.choices or ())]
        # Choices are compared by their own tokens, as is usual, so that none ends with the end-of-text token.
        encoder = Encoder(self.learned, table.key, self.name, BETWEEN[self.learned], self.learned == "next_token")

        def read() -> Iterator[Row]:
            for where, values in table.rows(rows, columns):
                texts, choices = values[: len(self.text)], values[len(self.text) :]
                if self.choices and len(self.choices) == 1:
                    choices = choices[0] or []
                for name, text in zip((*columns, *[columns[-1]] * len(choices)), (*texts, *choices), strict=False):
                    if not isinstance(text, str) or not text:
                        raise UnfitError(table.key, None, f'{where}, has no text in the column "{name}"')
                yield Row(where, texts, choices)

        def encoded(tokenizer: Vocabulary, length: int) -> Encoded:
            if self.learned != "multiple_choice":
                return encoder.encode(read, len(rows), tokenizer, length)
            return encoder.encode_choices(read, tokenizer, length, all_labels[rows], part == "test")

        return Texts(all_labels[rows], self.learned, encoded, lambda: table.file_bytes(rows, columns))


def _of_kind(columns: dict[str, str], wanted: str) -> str | None:
    """Return the columns that hold what is wanted; None if there are none."""
    suitable = [shown(name)[1:-1] for name, kind in columns.items() if kind == wanted]
    return listed(suitable) if suitable else None
