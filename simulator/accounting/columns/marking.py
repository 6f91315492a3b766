"""Works and transfers of attempts whose updates were lost, marked with the reason, chunk by chunk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow
import pyarrow.compute

from simulator.accounting.payload import FROZEN_WEIGHTS


class Marking:
    """Marks rows with the reasons of their attempts.

    Args:
        attempts: the reasons of attempts that were lost, by client and number.
    """

    def __init__(self, attempts: Mapping[tuple[str, int], str]) -> None:
        self._attempts = attempts
        self._losers = {client for client, _ in attempts}

    def works(self, batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
        """Return works with the reasons of their attempts; those with a reason are lost."""
        batch = self._marked(batch, np.ones(batch.num_rows, np.bool_))
        gone = pyarrow.compute.not_equal(batch.column("reason"), "")
        return _with(batch, "lost", pyarrow.compute.or_(batch.column("lost"), gone))

    def transfers(self, batch: pyarrow.RecordBatch) -> pyarrow.RecordBatch:
        """Return transfers with the reasons of their attempts, but for frozen weights."""
        part = pyarrow.compute.not_equal(batch.column("kind"), FROZEN_WEIGHTS)
        return self._marked(batch, part.to_numpy(zero_copy_only=False))

    def _marked(self, batch: pyarrow.RecordBatch, part: Any) -> pyarrow.RecordBatch:
        """Return rows in which those that have no reason have that of their attempt.

        Args:
            batch: the rows.
            part: for each row, whether it is part of an attempt.
        """
        clients = batch.column("client").dictionary_encode()
        lose = np.array([name in self._losers for name in clients.dictionary.to_pylist()] + [False], np.bool_)
        own = lose[clients.indices.fill_null(len(lose) - 1).to_numpy(zero_copy_only=False)]
        places = np.flatnonzero(own & part).tolist()
        if not places:
            return batch
        names, numbers, reasons = (batch.column(name).to_pylist() for name in ("client", "attempt", "reason"))
        for place in places:
            reasons[place] = reasons[place] or self._attempts.get((names[place], numbers[place]), "")
        return _with(batch, "reason", pyarrow.array(reasons, pyarrow.string()))


def _with(batch: pyarrow.RecordBatch, name: str, values: Any) -> pyarrow.RecordBatch:
    """Return rows with other values in one column."""
    columns = [values if field.name == name else batch.column(field.name) for field in batch.schema]
    return pyarrow.RecordBatch.from_arrays(columns, schema=batch.schema)
