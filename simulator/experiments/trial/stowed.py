"""Results put into few pieces of memory, so that the memory of a large world goes back to the system as a whole.

The names of very many devices lie between all that a world is made of. As long as one is needed, Python cannot give
back the memory around it, however little of it is still in use.
"""

from __future__ import annotations

import marshal
from dataclasses import replace
from typing import TYPE_CHECKING

from simulator.accounting.power import Power
from simulator.accounting.usage import uses
from simulator.experiments.trial.result import MemoryPeak

if TYPE_CHECKING:
    from simulator.experiments.trial.result import TrialResult

MANY = 10_000
"""From how many devices on it is worth the time."""


class Stowed:
    """A result; with very many devices, what there is of each is in one piece until it is taken out.

    Args:
        outcome: the result, of which nothing may be used any more.
    """

    def __init__(self, outcome: TrialResult) -> None:
        self._outcome, self._content = outcome, b""
        if len(outcome.client_peaks) < MANY:
            return
        kinds = {id(power): power for power in outcome.power.values()}
        places = dict(zip(kinds, range(len(kinds)), strict=True))
        watts = [(power.idle, power.compute, power.upload, power.download) for power in kinds.values()]
        owned = [places[id(power)] for power in outcome.power.values()]
        peaks = tuple(zip(*outcome.client_peaks, strict=True))
        self._content = marshal.dumps((list(outcome.power), owned, watts, peaks))
        for table in outcome.ledger.tables().values():
            table.pack()
        counts = outcome.class_counts.of(())
        self._outcome = replace(outcome, uses=(), power={}, client_peaks=[], class_counts=counts)

    def taken_out(self) -> TrialResult:
        """Return the result as it was."""
        if not self._content:
            return self._outcome
        names, owned, watts, peaks = marshal.loads(self._content)
        self._content = b""
        kinds = [Power(*each) for each in watts]
        power = dict(zip(names, map(kinds.__getitem__, owned), strict=True))
        clients = list(peaks[0])
        return replace(
            self._outcome,
            uses=uses(self._outcome.ledger, power, clients, self._outcome.bill.start, self._outcome.bill.end),
            power=power,
            client_peaks=list(map(MemoryPeak, *peaks)),
            class_counts=self._outcome.class_counts.of(clients),
        )
