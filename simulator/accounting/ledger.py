"""The ledger: the only record of a run. Energy, money and every report are functions of its rows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar, get_type_hints

if TYPE_CHECKING:
    import pyarrow

CHUNK = 65_536
"""Rows are kept as tuples until there are this many, then packed as columns."""


class SiteRow(NamedTuple):
    """A site that there is, and what of it the figures depend on.

    ``role`` is ``device`` or ``server``; ``group`` is the name that the scenario gives devices of its kind, or the
    server. Memory is in bytes, a state's draw in watts.
    """

    name: str
    group: str
    role: str
    slots: int
    memory: float
    idle_w: float
    compute_w: float
    upload_w: float
    download_w: float


class WorkRow(NamedTuple):
    """A work served at a site. Seconds of the simulated clock; ``asked`` to ``start`` it waited for service."""

    site: str
    client: str | None
    work: str
    phase: str
    round: int
    asked: float
    start: float
    seconds: float
    flops: int
    bytes_touched: int


class TransferRow(NamedTuple):
    """A payload sent from site to site. ``seconds`` includes ``latency``, which comes first and moves no bytes.

    ``bytes`` is what was put on the wire; ``lost`` is the part of it that nobody received, because it was stopped.
    """

    source: str
    target: str
    client: str | None
    kind: str
    phase: str
    round: int
    start: float
    seconds: float
    bytes: int
    lost: int
    latency: float


class EngagementRow(NamedTuple):
    """A client took part, at work or waiting, for ``seconds`` from ``start``."""

    client: str
    round: int
    start: float
    seconds: float


class AbsenceRow(NamedTuple):
    """A site was away for ``seconds`` from ``start``."""

    site: str
    start: float
    seconds: float


class RoundRow(NamedTuple):
    """One aggregation, from the choosing of clients to the new state."""

    round: int
    start: float
    seconds: float


Row = TypeVar("Row", bound=tuple[Any, ...])
_ARROW = {str: "string", str | None: "string", int: "int64", float: "float64"}


class Table(Generic[Row]):
    """Rows of one kind, in the order in which they ended; packed as columns once there are many."""

    def __init__(self, row: type[Row]) -> None:
        self.row = row
        self._recent: list[Row] = []
        self._packed: list[pyarrow.RecordBatch] = []

    def add(self, row: Row) -> None:
        self._recent.append(row)
        if len(self._recent) >= CHUNK:
            self._packed.append(self._pack())
            self._recent.clear()

    def __len__(self) -> int:
        return sum(batch.num_rows for batch in self._packed) + len(self._recent)

    def __iter__(self) -> Iterator[Row]:
        for batch in self._packed:
            columns = [column.to_pylist() for column in batch.columns]
            yield from map(self.row._make, zip(*columns, strict=True))  # type: ignore[attr-defined]
        yield from self._recent

    def arrow(self) -> pyarrow.Table:
        """All rows as one Arrow table, typed even where a column holds nothing."""
        import pyarrow

        return pyarrow.Table.from_batches([*self._packed, self._pack()])

    def _pack(self) -> pyarrow.RecordBatch:
        import pyarrow

        schema = _schema(self.row)
        columns = zip(*self._recent, strict=True) if self._recent else [[] for _ in schema]
        arrays = [pyarrow.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
        return pyarrow.RecordBatch.from_arrays(arrays, schema=schema)


@cache
def _schema(row: type[tuple[Any, ...]]) -> pyarrow.Schema:
    import pyarrow

    kinds = get_type_hints(row)
    return pyarrow.schema([(name, getattr(pyarrow, _ARROW[kind])()) for name, kind in kinds.items()])


class Ledger:
    """Frozen rows, a table for each kind."""

    def __init__(self) -> None:
        self.sites = Table(SiteRow)
        self.works = Table(WorkRow)
        self.transfers = Table(TransferRow)
        self.engagements = Table(EngagementRow)
        self.absences = Table(AbsenceRow)
        self.rounds = Table(RoundRow)

    def tables(self) -> dict[str, Table[Any]]:
        return dict(vars(self))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ledger):
            return NotImplemented
        mine, theirs = self.tables(), other.tables()
        return all(list(mine[name]) == list(theirs[name]) for name in mine)

    __hash__ = None  # type: ignore[assignment]
