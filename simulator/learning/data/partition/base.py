"""The interface of a partition of a data set among clients, and what several partitions share."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from simulator.learning.data.assigned import ConsecutiveShards
from simulator.settings.base import Settings

Labels = Any
"""The label of each sample: int64 [N], or a ``learning.data.pool.Pool``."""
REDRAWS = 100
"""How many times a partition is drawn at most, until every client has enough samples."""


class Partition(Settings):
    """A way to partition the samples of a data set among clients."""

    name: ClassVar[str]
    knows_sizes: ClassVar[bool] = False
    """Whether ``split`` also takes a ``Pool``, because the sizes of shards do not depend on the number of samples."""

    def split(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> Sequence[np.ndarray]:
        """Partition samples into one shard per client; shards are disjoint, and none is empty.

        Args:
            labels: the label of each sample, int64 [N]; with ``knows_sizes``, it may be a ``Pool``.
            clients: the number of clients.
            rng: the only source of randomness.

        Returns:
            The indices of each client's samples, ascending; a list, or ``Shards``, which makes each when it is
            asked for.

        Raises:
            ValueError: the samples cannot be partitioned in this way; the message says what helps.
        """
        raise NotImplementedError

    def split_by_sizes(self, labels: Labels, sizes: np.ndarray, rng: np.random.Generator) -> Sequence[np.ndarray]:
        """Partition samples into shards of sizes that the devices have, such as a population says.

        Args:
            labels: the label of each sample, int64 [N]; or a ``Pool``, which has as many samples as are needed.
            sizes: the number of samples of each client, int64, at least 1 each; at most N together.
            rng: the only source of randomness.

        Returns:
            The same as ``split``.

        Raises:
            ValueError: this partition decides itself how many samples a client has; or as ``split``.
        """
        raise ValueError(
            f"{self.name} decides itself how many samples each client has, and so do the devices here: use iid or "
            "dirichlet, or do not give samples in the population"
        )


def dealt(samples: np.ndarray, ends: np.ndarray) -> ConsecutiveShards:
    """Split samples into consecutive shards.

    Args:
        samples: the indices of samples; those beyond the last end are left out.
        ends: the position at which each shard ends.
    """
    return ConsecutiveShards(samples, np.diff(ends, prepend=0))


def undealt(samples: int, clients: int, least: int, alpha: float) -> ValueError:
    """Return the error for a partition by Dir(alpha) in which some client always had too few samples.

    Args:
        samples: the number of samples in the data set.
        clients: the number of clients.
        least: the number of samples that each client must have.
        alpha: the parameter of the Dirichlet distribution.
    """
    return ValueError(
        f"{samples} samples could not be partitioned among {clients} clients with at least {least} each, in "
        f"{REDRAWS} draws with alpha {alpha:g}: use a larger alpha, a smaller min_samples or fewer clients"
    )
