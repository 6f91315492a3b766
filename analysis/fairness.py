"""Who took part: how often clients were chosen, by group of devices, and how evenly."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from analysis.reading import RunError, first_line
from analysis.runs import Run
from analysis.sampled import device_groups
from simulator.settings.humanize import human

EVERYBODY = "all devices"


@dataclass(frozen=True)
class Participation:
    """How often the clients of a group were chosen in a trial.

    Attributes:
        label: the label of the algorithm.
        group: the name of the group, or `EVERYBODY`.
        counts: for each client, and each seed, how often it was chosen.
    """

    label: str
    group: str
    counts: tuple[int, ...]

    @property
    def mean(self) -> float:
        """How often a client was chosen on average."""
        return sum(self.counts) / len(self.counts)

    @property
    def cells(self) -> list[str]:
        """The row of the table: devices, least, mean and most times chosen, and Jain's index."""
        index = jain(self.counts)
        return [
            human("count", len(self.counts)),
            human("count", min(self.counts)),
            human("count", self.mean),
            human("count", max(self.counts)),
            human("count", None) if index is None else f"{index:.2f}",
        ]


def jain(counts: Sequence[float]) -> float | None:
    """Return Jain's fairness index, (sum x)^2 / (n sum x^2): 1 if all are equal, 1 / n if one has all; None for zeros.

    Jain, Chiu and Hawe, 1984.
    """
    squares = sum(count * count for count in counts)
    return sum(counts) ** 2 / (len(counts) * squares) if squares else None


def participation(shown: Mapping[str, tuple[Run, str]]) -> list[Participation]:
    """Return who took part, by label and group, and for all devices where there are several groups.

    Of several seeds, each client counts once for each seed. Labels whose ledgers were not kept, and those with which no
    client takes part, are left out.

    Args:
        shown: by the name under which a label is shown, the run it is from and its label there.
    """
    return [row for name, (run, label) in shown.items() for row in _groups(run, label, name)]


def _groups(run: Run, label: str, name: str) -> Iterator[Participation]:
    by_group: dict[str, list[int]] = {}
    for seed in run.seeds(label):
        groups, times = device_groups(run, label, seed), times_chosen(run, label, seed)
        chosen = times.reindex(groups.index).fillna(0).astype("int64")
        for name_of_group, own in chosen.groupby(groups.to_numpy(), sort=False):
            by_group.setdefault(str(name_of_group), []).extend(own.tolist())
    if not any(any(counts) for counts in by_group.values()):
        return
    for group, counts in by_group.items():
        yield Participation(name, group, tuple(counts))
    if len(by_group) > 1:
        yield Participation(name, EVERYBODY, tuple(count for counts in by_group.values() for count in counts))


def times_chosen(run: Run, label: str, seed: int) -> pd.Series:
    """Return how often each client was chosen in a trial, by its name; those never chosen may be missing.

    A client was chosen once for each attempt in the ledger, whether it was used or not; in runs without a table of
    attempts, once for each round in which it took part. It is empty if the ledger was not kept.

    Raises:
        RunError: a table of the ledger cannot be read.
    """
    path = run.folder / "ledger" / f"{label}-{seed}" / "attempts.parquet"
    if path.is_file():
        try:
            return pd.read_parquet(path, columns=["client"])["client"].value_counts()
        except (OSError, ValueError) as error:  # pyarrow's own errors are one or the other
            raise RunError(f"{path}: cannot be read as Parquet: {first_line(error)}") from error
    if path.with_name("engagements.parquet").is_file():
        turns = run.columns(label, seed, "engagements", "client", "round")
        return turns.drop_duplicates()["client"].value_counts()
    return pd.Series(dtype="int64")
