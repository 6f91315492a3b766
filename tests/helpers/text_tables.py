"""Small tables of texts in Parquet files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simulator.learning.data.datasets.base import Raw
from simulator.learning.data.datasets.text_parquet import TextParquet
from tests.helpers.tokenizers import write_table

FILMS = {"text": ["good film", "bad film", "very good film", "not good"], "label": [1, 0, 1, 0]}
QUESTIONS = {
    "text": [" it is", " a film", " the film was"],
    "choices": [[" bad", " very good"], [" is good", " the"], [" bad", " it", " not"]],
    "label": [1, 0, 2],
}


def both(path: Path, columns: dict[str, Any] = FILMS, names: Sequence[str] = (), **settings: Any) -> Raw:
    """The same Parquet file to train and to test with."""
    file = write_table(path / "some.parquet", columns, names)
    return TextParquet(train=(file,), test=(file,), **settings).load()
