"""The synchronous driver: the server waits for the whole cohort before it aggregates."""

from __future__ import annotations

from typing import ClassVar

from simulator.scheduling.drivers.cohorts import CohortDriver


class Synchronous(CohortDriver):
    """Synchronous rounds: a cohort is selected, all its clients train, and the server aggregates once all have finished
    (McMahan et al., 2017, Algorithm 1). A client that leaves is not waited for. A round in which no update arrived
    leaves the state unchanged.
    """

    name: ClassVar[str] = "synchronous"
