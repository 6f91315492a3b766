"""What makes a trial what it is: a hash of all that its result depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from simulator.settings.plugin_files import files_of

if TYPE_CHECKING:
    from simulator.scenario.scenario import Scenario

_version = cache(version)  # it reads a file


def identity(scenario: Scenario, index: int, seed: int, dry: bool, data: Mapping[str, Any] | None = None) -> str:
    """Return the hash of a trial: of its scenario, ``dry``, the version of sfsim and the files of its plug-ins.

    Args:
        scenario: the scenario.
        index: which of its algorithms.
        seed: which of its seeds.
        dry: whether the trial is simulated without training.
        data: the scenario as plain data, if somebody has it.

    Returns:
        16 hexadecimal digits.
    """
    data = scenario.model_dump(mode="json") if data is None else data
    settings = {**data, "algorithms": [data["algorithms"][index]], "seeds": [seed]}
    settings.pop("checkpoint", None)  # how often one is written changes nothing
    plugins = [file.version for file in files_of([scenario.world, scenario.data, scenario.algorithms[index]])]
    text = json.dumps([settings, dry, _version("sfsim"), *plugins], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
