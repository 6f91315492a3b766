"""The interface of a partition of a data set among clients, and what several partitions share."""

from typing import ClassVar

import numpy as np

from simulator.settings.base import Settings

REDRAWS = 100
"""How many times a partition is drawn at most, until every client has enough samples."""


class Partition(Settings):
    """A way to partition the samples of a data set among clients."""

    name: ClassVar[str]

    def split(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> list[np.ndarray]:
        """Partition samples into one shard per client; shards are disjoint, and none is empty.

        Args:
            labels: the label of each sample, int64 [N].
            clients: the number of clients.
            rng: the only source of randomness.

        Returns:
            The indices of each client's samples, ascending.

        Raises:
            ValueError: the samples cannot be partitioned in this way; the message says what helps.
        """
        raise NotImplementedError


def dealt(samples: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
    """Split samples into consecutive shards, each sorted.

    Args:
        samples: the indices of samples; those beyond the last end are left out.
        ends: the position at which each shard ends.
    """
    return [np.sort(shard) for shard in np.split(samples[: ends[-1]], ends[:-1])]


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
