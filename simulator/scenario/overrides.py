"""The training settings of an algorithm's entry, merged into those of the scenario."""

from __future__ import annotations

from typing import Any

from simulator.settings.merging import merge
from simulator.settings.plugins import OPTIMIZERS, SCHEDULES


def overridden(training: Any, overrides: Any) -> Any:
    """Return the plain data of the scenario's training with an entry's overrides.

    Of an optimizer or schedule with another name, only the keys that the new one also has carry over; a driver, a
    selection policy or a compressor with another name replaces the whole setting, and so does any budget.

    Args:
        training: the scenario's training, plain data.
        overrides: the entry's training, plain data. Returned as they are if either is no mapping.
    """
    if not isinstance(training, dict) or not isinstance(overrides, dict):
        return overrides
    for key, kinds in (("optimizer", OPTIMIZERS), ("schedule", SCHEDULES)):
        common, own = training.get(key), overrides.get(key)
        if not (isinstance(common, dict) and isinstance(own, dict) and "name" in own):
            continue
        if own["name"] != common.get("name"):
            fields = kinds.find(own["name"]).model_fields if own["name"] in kinds.names() else {}
            training = training | {key: {name: value for name, value in common.items() if name in fields}}
    for key in ("driver", "selection"):
        if _renamed(training.get(key), overrides.get(key)):
            training = {name: value for name, value in training.items() if name != key}
    if isinstance(overrides.get("budget"), dict):  # another limit replaces the scenario's
        training = {name: value for name, value in training.items() if name != "budget"}
    common, own = training.get("compression"), overrides.get("compression")
    if isinstance(common, dict) and isinstance(own, dict):
        kept = {kind: compressor for kind, compressor in common.items() if not _renamed(compressor, own.get(kind))}
        training = training | {"compression": kept}
    return merge(training, overrides)


def _renamed(common: Any, own: Any) -> bool:
    """Return whether an entry's setting names another plug-in than the scenario's."""
    if not isinstance(common, dict) or not isinstance(own, dict):
        return False
    return "name" in own and own["name"] != common.get("name")


def difference(training: dict[str, Any], base: dict[str, Any]) -> dict[str, Any]:
    """Return the overrides with which `overridden` makes `training` from `base`; plug-ins are written out in full."""
    changed = {key: value for key, value in training.items() if value != base[key]}
    if "compression" in changed:
        common, own = base["compression"], training["compression"]
        changed["compression"] = {kind: value for kind, value in own.items() if common.get(kind, ...) != value}
    return changed
