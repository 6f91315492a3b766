"""Ledgers that were written to disk, as Parquet files in a folder."""

from __future__ import annotations

from pathlib import Path

from simulator.accounting.ledger import Ledger
from simulator.accounting.tables import CHUNK, SCHEMA, SCHEMA_KEY, Table


class StoredLedgerError(ValueError):
    """A ledger on disk cannot be read; the message says which file, and why."""


def read_ledger(folder: Path) -> Ledger:
    """Return the ledger of a trial from its folder; tables that were not written are empty.

    Raises:
        StoredLedgerError: a file is no Parquet, lacks a column, has one of another type, or is of a later schema.
    """
    from pyarrow import parquet

    ledger = Ledger()
    for name, table in ledger.tables().items():
        path = folder / f"{name}.parquet"
        if not path.is_file():
            continue
        try:
            found = parquet.ParquetFile(path)
            written = (found.schema_arrow.metadata or {}).get(SCHEMA_KEY, b"1").decode("utf-8", "replace")
            if written not in map(str, range(1, SCHEMA + 1)):
                known = " and ".join(map(str, range(1, SCHEMA + 1)))
                raise StoredLedgerError(f"{path}: written with schema {written}; this sfsim reads {known}")
            setattr(ledger, name, Table.stored(table.row, found.iter_batches(CHUNK)))
        except KeyError as error:
            raise StoredLedgerError(f"{path}: lacks {error.args[0]}") from error
        except (OSError, ValueError, TypeError, NotImplementedError, OverflowError) as error:
            if isinstance(error, StoredLedgerError):
                raise
            line = (str(error).splitlines() or [type(error).__name__])[0]
            raise StoredLedgerError(f"{path}: cannot be read as Parquet: {line}") from error
    return ledger
