"""What an algorithm's entry says of training, laid over what the scenario says."""

from __future__ import annotations

from typing import Any

from simulator.settings.merging import merge
from simulator.settings.plugins import OPTIMIZERS, SCHEDULES


def overridden(training: Any, overrides: Any) -> Any:
    """The plain data of `training` with an entry's `overrides`."""
    if not isinstance(training, dict) or not isinstance(overrides, dict):
        return overrides
    for key, kinds in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
        below, above = training.get(key), overrides.get(key)
        if not (isinstance(below, dict) and isinstance(above, dict) and "name" in above):
            continue
        if above["name"] != below.get("name"):  # another optimizer: only what both have carries over
            fields = kinds.find(above["name"]).model_fields if above["name"] in kinds.names() else {}
            training = training | {key: {name: value for name, value in below.items() if name in fields}}
    below, above = training.get("compression"), overrides.get("compression")
    if isinstance(below, dict) and isinstance(above, dict):  # another method replaces the whole of one
        training = training | {"compression": {kind: x for kind, x in below.items() if not _other(x, above.get(kind))}}
    return merge(training, overrides)


def _other(below: Any, above: Any) -> bool:
    """Whether two settings of plug-ins name different ones."""
    if not isinstance(below, dict) or not isinstance(above, dict):
        return False
    return "name" in above and above["name"] != below.get("name")


def difference(training: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    """What `overridden` needs to make `training` of `base`; of a plug-in, all."""
    changed = {key: value for key, value in training.items() if value != base[key]}
    if "compression" in changed:
        before = base["compression"]
        compression = {kind: how for kind, how in training["compression"].items() if before.get(kind, ...) != how}
        changed["compression"] = compression
    return changed
