"""The contract of client selection: which clients take part in a round.

A policy may look at all that the arguments of ``choose`` lead to, above all:

- ``client.data``: its labels and the number of its samples
- ``client.site`` and ``client.server``: hardware, links, memory, what is stored there, and whether the site is away
- ``client.round_index``: with the ``synchronous`` driver, the round for which it was last selected; 0 before
- ``client.fits``, ``client.task``: whether its memory is large enough, and the model with the training settings
- ``client.site.world``: the clock (``now``), all sites, and the ledger of the rounds so far

The algorithm and the scores of the evaluation cannot be reached. In a dry run, tensors have no values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from simulator.settings.base import Settings
from simulator.settings.seeds import Seeds

if TYPE_CHECKING:
    from simulator.world.clients import Client


class Selection(Settings):
    """A policy that selects the cohort of a round.

    A policy that depends neither on simulated time nor on tensor values selects the same cohorts for all algorithms.
    """

    name: ClassVar[str]

    def choose(self, clients: Sequence[Client], size: int, round: int, seeds: Seeds) -> list[Client]:
        """Return a cohort of ``size`` clients, or fewer if fewer can take part: those that fit and are not away.

        Args:
            clients: all clients, in the order of the scenario.
            size: the size of the cohort.
            round: the number of the round, from 1; all random draws are keyed by it.
            seeds: the random streams of the trial.
        """
        raise NotImplementedError
