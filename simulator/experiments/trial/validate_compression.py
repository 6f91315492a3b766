"""Check the payloads that a scenario compresses: they must be sent, and their compressor must be able to work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simulator.accounting.payload import FROZEN_WEIGHTS, WAY_BACK, Messages, covered, directions
from simulator.settings.wording import listed, near_miss

if TYPE_CHECKING:
    from simulator.learning.compression.base import Compressor
    from simulator.scenario.scenario import Scenario


def check_compression(scenario: Scenario, kinds: Sequence[Messages]) -> None:
    """Check that every compressed payload is sent: by the entry that compresses it, or by some entry of the scenario.

    Args:
        scenario: the scenario.
        kinds: for each entry, what it sends to and from devices that have no weights yet.

    Raises:
        ScenarioError: the message names the line.
    """
    if scenario.world.provisioning == "preinstalled":
        kinds = [sends._replace(down=tuple(name for name in sends.down if name != FROZEN_WEIGHTS)) for sends in kinds]
    shared = scenario.training.compression
    for key, compressor in shared.items():
        _check(scenario, (), key, compressor, kinds)
    for index, entry in enumerate(scenario.algorithms):
        for key, compressor in entry.training.compression.items():
            if shared.get(key, ...) != compressor:
                _check(scenario, ("algorithms", index), key, compressor, [kinds[index]])


def _check(
    scenario: Scenario,
    where: tuple[str | int, ...],
    key: str,
    compressor: Compressor | None,
    kinds: Sequence[Messages],
) -> None:
    loc = (*where, "training", "compression", key)
    kind, wanted = directions(key)
    sent = list(dict.fromkeys(name for sends in kinds for name in sends.directed))
    if not any(f"{name} {direction}" in sent for name in covered(kind) for direction in wanted):
        near = near_miss(key, [directions(name)[0] for name in sent] + sent)
        problem = "it sends nothing of this kind" if where else "no algorithm sends anything of this kind"
        if any(kind in sends.incompressible for sends in kinds):
            problem, near = "it is integers alone, and only floating tensors are encoded", ""
        raise scenario.error(loc, None, problem + near, listed(sent))
    answering = [name for sends in kinds for name in sends.up if name in sends.down]
    unasked = [name for sends in kinds for name in sends.up if name not in sends.down]
    changes = [f"{name} up" for name in dict.fromkeys(answering) if name not in unasked]
    if compressor and compressor.takes_change and key not in changes:
        problem = "there is a change only of what a device sends after it was sent the same kind"
        allowed = f"value; change for {listed(changes)}" if changes else "value"
        raise scenario.error((*loc, "of"), "change", problem, allowed)
    answered = any(name in sends.up and WAY_BACK.get(name) in sends.down for sends in kinds for name in covered(kind))
    if compressor and compressor.pull and not answered:
        problem = "it corrects the gradient that comes back for smashed data, and here none comes back"
        raise scenario.error((*loc, "correction"), compressor.pull, problem, "0")
