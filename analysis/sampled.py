"""Which devices of a round a timeline shows, and which rows of the ledger are about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow
from pyarrow import compute

from analysis.crowds import MOST_BARS, sample
from analysis.memo import once_a_run
from analysis.runs import Run


@dataclass(frozen=True)
class Sampled:
    """The devices that a timeline shows.

    Attributes:
        devices: their names, in the order in which they are done.
        groups: the group of each, empty where the ledger does not say.
        of: how many devices took part, shown or not.
        left_out: the names of the others.
    """

    devices: list[str]
    groups: list[str]
    of: int
    left_out: pyarrow.Array

    def rows(self, frame: pd.DataFrame, *columns: str, also: Iterable[str] = ()) -> pd.DataFrame:
        """Return the rows of a frame that are not about devices left out.

        Args:
            frame: works or transfers.
            columns: its columns that name sites.
            also: sites whose rows are kept in any case.
        """
        if not len(self.left_out) or not len(frame):
            return frame
        dropped, kept = np.zeros(len(frame), bool), np.zeros(len(frame), bool)
        sites = pyarrow.array(list(also), pyarrow.string())
        for name in columns:
            dropped |= _among(frame[name], self.left_out)
            if len(sites):
                kept |= _among(frame[name], sites)
        return frame[~dropped | kept]


def sampled(
    run: Run,
    label: str,
    seed: int,
    works: pd.DataFrame,
    transfers: pd.DataFrame,
    clients: pd.Series,
    most: int,
    of_many: int,
) -> Sampled:
    """Return the devices of a round that are shown.

    Args:
        run: the run.
        label: the label.
        seed: the seed.
        works: the works of the round as they were served, with columns site, start and seconds.
        transfers: its transfers, with columns source, target, start and seconds.
        clients: who took part; a name may be there several times, or missing.
        most: the most devices, of up to `MOST_BARS`.
        of_many: the most of more devices.
    """
    names = compute.drop_null(compute.unique(_texts(clients)))
    finish = np.zeros(len(names))
    for frame, columns in ((works, ("site",)), (transfers, ("source", "target"))):
        ends = (frame["start"] + frame["seconds"]).to_numpy(dtype=float)
        for column in columns:
            places = compute.fill_null(compute.index_in(_texts(frame[column]), value_set=names), -1).to_numpy()
            np.maximum.at(finish, places[places >= 0], ends[places >= 0])
    order = compute.sort_indices(
        pyarrow.table({"finish": finish, "name": names}), [("finish", "ascending"), ("name", "ascending")]
    )
    names = names.take(order)
    known = device_groups(run, label, seed)
    places = compute.index_in(names, value_set=_texts(known.index))
    groups = compute.fill_null(_texts(known).take(places), "").to_pylist()
    shown = sample(groups, of_many if len(names) > MOST_BARS else most)
    left_out = np.ones(len(names), bool)
    left_out[shown] = False
    return Sampled(
        names.take(pyarrow.array(shown, pyarrow.int64())).to_pylist(),
        [groups[place] for place in shown],
        len(names),
        names.filter(pyarrow.array(left_out)),
    )


@once_a_run
def device_groups(run: Run, label: str, seed: int) -> pd.Series:
    """Return the group of each device of a trial, by its name; empty if the ledger does not say.

    Raises:
        RunError: the table of sites cannot be read.
    """
    if not (run.folder / "ledger" / f"{label}-{seed}" / "sites.parquet").is_file():
        return pd.Series(dtype="str")
    sites = run.columns(label, seed, "sites", "name", "group", "role")
    devices = sites[sites["role"] == "device"]
    return pd.Series(devices["group"].to_numpy(), index=devices["name"].to_numpy())


def _texts(column: pd.Series | pd.Index) -> pyarrow.Array:
    """Return a column of texts as Arrow has it."""
    array = pyarrow.array(column, pyarrow.string(), from_pandas=True)
    return array.combine_chunks() if isinstance(array, pyarrow.ChunkedArray) else array


def _among(column: pd.Series, names: pyarrow.Array) -> np.ndarray:
    found: np.ndarray = compute.is_in(_texts(column), value_set=names).to_numpy(zero_copy_only=False)
    return found
