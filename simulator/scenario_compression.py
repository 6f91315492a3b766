"""What is wrong with the payloads that a scenario compresses: nobody sends them, or they are the change of nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from simulator.accounting.payload import Kinds, directions
from simulator.wording import listed, near_miss

if TYPE_CHECKING:
    from simulator.learning.compression.base import Compressor
    from simulator.scenario import Scenario


def check_compression(scenario: Scenario) -> None:
    """What the scenario compresses must be sent by one of its algorithms at least; what an entry does, by that one.

    Raises:
        ScenarioError: the message names the line.
    """
    shared, kinds = scenario.training.compression, [entry.algorithm.kinds for entry in scenario.algorithms]
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
    kinds: Sequence[Kinds],
) -> None:
    loc = (*where, "training", "compression", key)
    kind, wanted = directions(key)
    sent = list(dict.fromkeys(name for each in kinds for name in each.directed))
    if not any(f"{kind} {direction}" in sent for direction in wanted):
        near = near_miss(key, [directions(name)[0] for name in sent] + sent)
        problem = "it sends nothing of this kind" if where else "no algorithm sends anything of this kind"
        raise scenario.error(loc, None, problem + near, listed(sent))
    after = [name for each in kinds for name in each.up if name in each.down]
    before = [name for each in kinds for name in each.up if name not in each.down]
    changes = [f"{name} up" for name in dict.fromkeys(after) if name not in before]
    if compressor and compressor.takes_change and key not in changes:
        problem = "there is a change only of what a device sends after it was sent the same kind"
        allowed = f"value; change for {listed(changes)}" if changes else "value"
        raise scenario.error((*loc, "of"), "change", problem, allowed)
