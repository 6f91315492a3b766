"""The schemas of the Parquet files in a ledger: which of them are read, and how others are refused."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from analysis.reading import RunError

KEY = b"sfsim.schema"
READ = (1, 2)
"""The schemas that are read. Files without the key are of the first."""


def schema_of(metadata: Mapping[bytes, bytes] | None) -> str:
    """Return which schema the key-value metadata of a Parquet file names."""
    return (metadata or {}).get(KEY, b"1").decode("utf-8", "replace")


def demand_schema(path: Path, metadata: Mapping[bytes, bytes] | None) -> None:
    """Check that a Parquet file is of a schema that is read.

    Args:
        path: the file, for the message.
        metadata: its key-value metadata.

    Raises:
        RunError: it is of another.
    """
    written = schema_of(metadata)
    if written not in map(str, READ):
        known = f"{', '.join(map(str, READ[:-1]))} and {READ[-1]}"
        raise RunError(f"{path}: written with schema {written!s:.40}; this sfsim reads {known}")
