"""How the samples of a data set are dealt to the clients."""

from typing import ClassVar

import numpy as np

from simulator.settings.base import Settings

REDRAWS = 100


class Partition(Settings):
    """Deals samples to clients."""

    name: ClassVar[str]

    def split(self, labels: np.ndarray, clients: int, rng: np.random.Generator) -> list[np.ndarray]:
        """The indices of each client's samples, ascending; no sample goes to two clients, and no client has none.

        Args:
            labels: of all samples, [N].
            clients: how many.
            rng: all that is drawn comes from here.

        Raises:
            ValueError: they cannot be dealt so; the message says what helps.
        """
        raise NotImplementedError


def dealt(samples: np.ndarray, ends: np.ndarray) -> list[np.ndarray]:
    """These samples, one behind the other, in shards that end there."""
    return [np.sort(shard) for shard in np.split(samples[: ends[-1]], ends[:-1])]


def undealt(samples: int, clients: int, least: int, alpha: float) -> ValueError:
    return ValueError(
        f"{samples} samples could not be dealt to {clients} clients with at least {least} each, in "
        f"{REDRAWS} draws with alpha {alpha:g}: use a larger alpha, a smaller min_samples or fewer clients"
    )
