"""What data a crowd of devices has, by group: the mix of classes, and how unequal the devices of a group are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.crowds import MOST_GROUPS, REST, Spread
from analysis.memo import once_a_run
from analysis.runs import Run


class GroupData(NamedTuple):
    """The data of one group of devices.

    Attributes:
        name: the name of the group.
        shares: the share of each class in all samples of the group, classes by number.
        samples: how many samples a device has.
        classes: how many classes a device has samples of.
        largest: the share of the largest class of a device in its samples.
    """

    name: str
    shares: np.ndarray
    samples: Spread
    classes: Spread
    largest: Spread


@once_a_run
def data_by_group(run: Run, seed: int | None) -> list[GroupData]:
    """Return the data of each group of devices, groups in the order of the world.

    Of more than `MOST_GROUPS` groups, the smallest are one.

    Args:
        run: the run, which has recorded its partition.
        seed: the seed of the partition; None: the run's first.
    """
    rows = rows_of(run, seed)
    client, names = pd.factorize(rows["client"])
    label = rows["class"].to_numpy()
    samples = rows["samples"].to_numpy(dtype=float)
    count, classes = len(names), int(run.clients["class"].max()) + 1
    # A device has a row for each of its classes, but may have several: they are added up.
    pairs, where = np.unique(client * classes + label, return_inverse=True)
    amounts = np.bincount(where, samples)
    owner = pairs // classes
    sizes = np.bincount(owner, amounts, minlength=count)
    largest = np.zeros(count)
    np.maximum.at(largest, owner, amounts)
    kinds = np.bincount(owner, amounts > 0, minlength=count)
    group, groups = pd.factorize(rows["device"])
    of_client = np.zeros(count, int)
    of_client[client] = group
    numbers = np.bincount(of_client, minlength=len(groups))
    if len(groups) > MOST_GROUPS:
        kept = np.sort(np.argsort(-numbers, kind="stable")[: MOST_GROUPS - 1])
        place = np.full(len(groups), len(kept))
        place[kept] = np.arange(len(kept))
        of_client, groups = place[of_client], pd.Index([*groups[kept], REST])
    totals = np.bincount(of_client[owner] * classes + pairs % classes, amounts, minlength=len(groups) * classes)
    found = []
    for code, name in enumerate(groups):
        own, mix = of_client == code, totals[code * classes : (code + 1) * classes]
        filled = own & (sizes > 0)
        parts = largest[filled] / sizes[filled] if filled.any() else np.zeros(1)
        spread = (Spread.of(sizes[own]), Spread.of(kinds[own]), Spread.of(parts))
        found.append(GroupData(str(name), mix / (mix.sum() or 1.0), *spread))
    return found


def rows_of(run: Run, seed: int | None) -> pd.DataFrame:
    """Return the rows of one seed of a run's clients; None: those of the first."""
    seeds = run.clients["seed"]
    return run.clients[seeds == (seeds.iloc[0] if seed is None else seed)]


@once_a_run
def devices_recorded(run: Run, seed: int | None) -> int:
    """Return how many devices have samples, with one seed; None: the first."""
    return int(rows_of(run, seed)["client"].nunique())


def class_names(run: Run) -> dict[int, str]:
    """Return the name of each class, by its number."""
    known = run.clients[["class", "class_name"]].drop_duplicates("class", keep="last")
    return dict(zip(known["class"].tolist(), known["class_name"].tolist(), strict=True))
