"""How a site serves the works that are asked of it: in slots, interrupted for others, in turns of no time, in batches.

The discipline (``world.queue.Queue``) says in which order works are served, and which of these a site needs.
"""

from __future__ import annotations

from typing import Any

from simulator.world.queue import Batching
from simulator.world.serving.base import Service as Service
from simulator.world.serving.batches import Batches
from simulator.world.serving.preemptive import Preemptive
from simulator.world.serving.sharing import Sharing
from simulator.world.serving.slots import Slots


def service_at(site: Any, queue: Any, batching: Batching | None = None) -> Service:
    """Return the service of a site with this discipline.

    Args:
        site: the site.
        queue: the discipline.
        batching: which works share a pass; None: none do.

    Raises:
        ValueError: works are to share passes, but the discipline interrupts them, or serves them all at once.
    """
    shares, preempts = getattr(queue, "shares", False), getattr(queue, "preempts", False)
    if batching is not None and (shares or preempts):
        raise ValueError(f"site {site.name!r}: works in a pass that they share cannot be interrupted one by one")
    if shares:
        return Sharing(site, queue)
    if preempts:
        return Preemptive(site, queue)
    return Slots(site, queue) if batching is None else Batches(site, queue, batching)
