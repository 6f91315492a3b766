"""Sweep folders made up for tests, laid out as those of `sfsim sweep`; their values come from a formula."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from analysis.sweeps import MEASURES
from tests.helpers.run_folders import fabricate

UPLINK, HEAD, BATCH = "world.devices.*.uplink.rate", "algorithms.*.head", "training.batch_size"
Place = Mapping[str, str]
Formula = Callable[[str, Place, int], Mapping[str, float | None]]


def mbits(text: str) -> float:
    """Return the number of megabits per second in a text such as "20 Mbit/s"."""
    return float(text.split()[0])


def costs(label: str, place: Place, seed: int) -> dict[str, float | None]:
    """Return the summary of a toy trial: full models pay for the link, split ones for batches and layers on the device.

    Args:
        label: the label: "FL", "SFPrompt" or any other, which is treated as split learning.
        place: by axis, the value as written.
        seed: the seed.
    """
    link, head = mbits(place.get(UPLINK, "10 Mbit/s")), int(place.get(HEAD, "1"))
    batch = int(place.get(BATCH, "32"))
    if label == "FL":
        sent, compute, reached = 8e7, 40.0, 0.93
    elif label == "SFPrompt":
        sent, compute, reached = 2e7 + 1e6 * head, 20.0 + 60 * head, 0.80 + 0.02 * head
    else:
        sent, compute, reached = 6e7 * 32 / batch, 25.0 + 30 * head, 0.90 - 0.01 * head
    seconds = compute + sent * 8e-6 / link + seed
    accuracy = reached - 0.01 * seed - 0.0005 * batch
    return {
        "sim_time_s": seconds,
        "bytes_up": sent,
        "bytes_down": sent / 2,
        "client_energy_j": 3 * compute + 0.4 * seconds,
        "final_accuracy": accuracy,
        "best_accuracy": accuracy,
        "final_loss": 1 - accuracy,
        "time_to_target_s": seconds / 2 if accuracy > 0.85 else None,
    }


def fabricate_sweep(
    folder: Path,
    axes: Mapping[str, Sequence[str]],
    labels: Sequence[str] = ("FL", "SFPrompt"),
    *,
    zipped: Sequence[Mapping[str, Sequence[str]]] = (),
    seeds: Sequence[int] = (0,),
    formula: Formula = costs,
    failed: Callable[[str, Place, int], bool] = lambda *_: False,
    missing: Callable[[str, Place, int], bool] = lambda *_: False,
    dry: bool = False,
    version: str = "0.1.0",
    whole: bool = False,
    task: str | None = None,
    target_loss: float | None = None,
) -> Path:
    """Write a sweep folder, and return it. FL does not depend on `algorithms.*.head`: its points share their trials.

    Args:
        folder: the folder to write.
        axes: by key, the values of each axis.
        labels: the labels of the algorithm entries.
        zipped: groups of axes that move as one.
        seeds: the seeds.
        formula: computes the measures of a trial.
        failed: says which trials have failed.
        missing: says which trials are missing.
        dry: whether the sweep is dry.
        version: the version of sfsim that has written it.
        whole: give trials all files of a run, with as many batches per round as their head says; these files do not
            agree with the measures of the formula.
        task: what the models learn; None: the files do not say, as in earlier versions.
        target_loss: the target loss of the base scenario.
    """
    folder.mkdir(parents=True, exist_ok=True)
    groups = [[{key: value} for value in values] for key, values in axes.items()]
    for group in zipped:
        groups += [[dict(zip(group, row, strict=True)) for row in zip(*group.values(), strict=True)]]
    rows = []
    for number, parts in enumerate(itertools.product(*groups)):
        place = {key: value for part in parts for key, value in part.items()}
        for label, seed in itertools.product(labels, seeds):
            own = {key: value for key, value in place.items() if not (label == "FL" and key == HEAD)}
            name = hashlib.sha256(json.dumps([label, own, seed, dry, version]).encode()).hexdigest()[:16]
            status, message = "done", ""
            if missing(label, place, seed):
                status = "missing"
            elif failed(label, place, seed):
                status, message = "failed", "devices.pi: the model does not fit"
                _write(folder / "trials" / name / "failure.json", {"message": message})
            else:
                trial = dict.fromkeys(MEASURES, 1.0) | {"algorithm": label.lower(), "label": label, "seed": seed}
                trial |= formula(label, own, seed)  # type: ignore[arg-type]
                if dry:
                    trial |= dict.fromkeys(("final_accuracy", "best_accuracy", "final_loss", "time_to_target_s"))  # type: ignore[arg-type]
                head = {"scenario": "made up", "version": version, "dry": dry, "trials": [trial]}
                head |= {"task": task} if task else {}
                if whole and not (folder / "trials" / name).exists():
                    batches = int(place.get(HEAD, "1"))
                    fabricate(folder / "trials" / name, (label,), seeds=(seed,), batches=batches, dry=dry)
                _write(folder / "trials" / name / "summary.json", head)
            head = {"trial": name, "point": number, **place, "label": label, "algorithm": label.lower()}
            rows.append(head | {"seed": seed, "status": status, "message": message})
    pd.DataFrame(rows).to_csv(folder / "points.csv", index=False)
    plan: dict[str, Any] = {"name": "made up", "version": version, "dry": dry}
    plan |= {"axes": {key: list(own) for key, own in axes.items()}, "scenario": {"name": "made up"}}
    plan["scenario"] |= {"target_loss": target_loss} if target_loss is not None else {}
    if zipped:
        plan["zip"] = [{key: list(values) for key, values in group.items()} for group in zipped]
    (folder / "sweep.yaml").write_text(yaml.safe_dump(plan, sort_keys=False))
    _write(folder / "environment.json", {"sfsim": version})
    return folder


def _write(path: Path, value: Mapping[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))
