"""What a run leaves in its folder."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib.metadata import version
from math import fsum, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from simulator.accounting.usage import Use, active_energy

if TYPE_CHECKING:
    from simulator.outcome import Outcome
    from simulator.scenario import Scenario

Summary = dict[str, Any]
TOTALS = ("bytes_up", "bytes_down", "client_flops", "server_flops", "client_energy_j", "server_energy_j")


class FolderTakenError(FileExistsError):
    """There is something in a folder that a run was to be written into."""


def summarise(outcome: Outcome, target: float | None, rounds: pd.DataFrame | None = None) -> Summary:
    """One trial in SI units: the columns of ``summary.json``; ``rounds``: its ``rounds_frame``, if that is there."""
    scores = [point.score for point in outcome.points if point.score]
    final = scores[-1] if scores else None
    reached = (p.sim_time_s for p in outcome.points if p.score and target is not None and p.score.accuracy >= target)
    rounds = rounds_frame(outcome) if rounds is None else rounds
    last = rounds.iloc[-1]
    provisioned = (use.bytes for use in outcome.uses if use.activity == "download" and use.phase == "provisioning")
    return {
        "algorithm": outcome.entry.name,
        "label": outcome.entry.label,
        "seed": outcome.seed,
        "rounds": outcome.points[-1].round,
        "final_accuracy": final.accuracy if final else None,
        "best_accuracy": max(score.accuracy for score in scores) if scores else None,
        "final_loss": final.loss if final and isfinite(final.loss) else None,
        "sim_time_s": outcome.points[-1].sim_time_s,
        "time_to_target_s": next(reached, None),
        "bytes_up": int(last["bytes_up"]),
        "bytes_down": int(last["bytes_down"]),
        "bytes_provisioning": sum(provisioned),
        "client_flops": int(last["client_flops"]),
        "server_flops": int(last["server_flops"]),
        "client_energy_j": float(last["client_energy_j"]),
        "client_active_energy_j": active_energy(outcome.uses, outcome.power),
        "server_energy_j": float(last["server_energy_j"]),
        "peak_client_memory_bytes": outcome.peak_client_memory_bytes,
        "peak_server_memory_bytes": outcome.peak_server_memory_bytes,
        "devices_too_small": sorted(outcome.without),
        "cuts": _cuts(outcome),
        "trainable_parameters": outcome.trainable_parameters,
        "wall_time_s": outcome.wall_time_s,
        "personal_accuracy": final.personal if final else None,
        "personal_accuracy_worst_decile": final.personal_worst if final else None,
    }


def _cuts(outcome: Outcome) -> list[dict[str, str | int]]:
    """The cut of each device, where a policy chose them."""
    places = getattr(outcome.entry.algorithm, "placement", {})
    return [{"device": device, "head": place.head, "tail": place.tail} for device, place in places.items()]


def rounds_frame(outcome: Outcome) -> pd.DataFrame:
    """Running totals after each round: the columns of ``rounds.csv``."""
    scores = [point.score for point in outcome.points]
    points = pd.DataFrame(
        {
            "algorithm": outcome.entry.name,
            "label": outcome.entry.label,
            "seed": outcome.seed,
            "round": [point.round for point in outcome.points],
            "sim_time_s": [point.sim_time_s for point in outcome.points],
            "accuracy": [score.accuracy if score else None for score in scores],
            "loss": [score.loss if score else None for score in scores],
        }
    )
    totals = pd.DataFrame(_totals(outcome), columns=list(TOTALS))
    personal = pd.DataFrame(
        {
            "personal_accuracy": [score.personal if score else None for score in scores],
            "personal_accuracy_worst_decile": [score.personal_worst if score else None for score in scores],
        }
    )
    return pd.concat([points, totals, personal], axis="columns")


def _totals(outcome: Outcome) -> Iterator[tuple[float, ...]]:
    """Running totals, a row a point; pandas would take ten times as long for as few rows as a trial has."""
    energy: dict[tuple[int, str], list[float]] = defaultdict(list)
    counts: dict[tuple[int, str], int] = defaultdict(int)
    for use in outcome.uses:
        energy[use.round, use.side].append(use.energy_j)
        counts[use.round, f"{use.side} flops"] += use.flops
        counts[use.round, f"{use.side} {use.activity}"] += use.bytes
    sofar: list[float] = [0] * len(TOTALS)
    for number in (point.round for point in outcome.points):
        summed = (
            *(counts[number, what] for what in ("client upload", "client download", "client flops", "server flops")),
            *(fsum(energy[number, side]) for side in ("client", "server")),
        )
        sofar = [before + more for before, more in zip(sofar, summed, strict=True)]
        yield tuple(sofar)


def breakdown_frame(outcome: Outcome) -> pd.DataFrame:
    """Where time, bytes, FLOPs and joules went, by side, phase and activity: the columns of ``breakdown.csv``."""
    parts: dict[tuple[str, str, str], list[Use]] = defaultdict(list)
    for use in outcome.uses:
        parts[use.side, use.phase, use.activity].append(use)
    sums = [
        (
            *kind,
            fsum(u.seconds for u in us),
            sum(u.bytes for u in us),
            sum(u.flops for u in us),
            fsum(u.energy_j for u in us),
        )
        for kind, us in sorted(parts.items())
    ]
    columns = ["side", "phase", "activity", "seconds", "bytes", "flops", "energy_j"]
    frame = pd.DataFrame(sums, columns=columns)
    frame.insert(0, "algorithm", outcome.entry.name)
    frame.insert(1, "label", outcome.entry.label)
    frame.insert(2, "seed", outcome.seed)
    return frame


def clients_frame(outcome: Outcome) -> pd.DataFrame:
    """How many samples of which class each client has, where it has any: the columns of ``clients.csv``.

    One partition a seed: all algorithms share it.
    """
    dealt = pd.DataFrame(outcome.dealt, columns=["client", "device", "class", "class_name", "samples"])
    dealt.insert(0, "seed", outcome.seed)
    return dealt


def environment(threads: int, device: str) -> dict[str, Any]:
    """What learned figures depend on beside the scenario."""
    packages = ("torch", "timm", "simpy", "fvcore", "numpy", "pandas", "pillow", "scikit-learn", "pydantic")
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": platform.machine(),
        "threads": threads,
        "torch_device": device,
        "packages": {name: version(name) for name in packages},
        "byteorder": sys.byteorder,
    }


def write(folder: Path, scenario: Scenario, outcomes: Sequence[Outcome], dry: bool, device: str) -> None:
    """Write everything a run leaves but its figures and its report into an existing folder."""
    summary = {
        "scenario": scenario.name,
        "version": version("sfsim"),
        "dry": dry,
        "trials": [summarise(outcome, scenario.target_accuracy) for outcome in outcomes],
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=2, allow_nan=False) + "\n")
    (folder / "scenario.yaml").write_text(scenario.resolved(), encoding="utf-8")
    text = json.dumps(environment(scenario.threads, device), indent=2)
    (folder / "environment.json").write_text(text + "\n")
    pd.concat(map(rounds_frame, outcomes)).to_csv(folder / "rounds.csv", index=False)
    pd.concat(map(breakdown_frame, outcomes)).to_csv(folder / "breakdown.csv", index=False)
    by_seed = {outcome.seed: outcome for outcome in outcomes}
    pd.concat(map(clients_frame, by_seed.values())).to_csv(folder / "clients.csv", index=False)
    for outcome in outcomes:
        write_ledger(folder / "ledger" / f"{outcome.entry.label}-{outcome.seed}", outcome)


def write_ledger(folder: Path, outcome: Outcome) -> None:
    """Write the ledger of a trial, a file for each table, into a folder that is not there yet."""
    from pyarrow import parquet

    folder.mkdir(parents=True)
    for name, table in outcome.ledger.tables().items():
        parquet.write_table(table.arrow(), folder / f"{name}.parquet")


def free_folder(scenario: str, root: Path = Path("runs")) -> Path:
    """``runs/<scenario>-<n>`` with the first free number."""
    number = 1
    while (root / f"{scenario}-{number}").exists() or any(root.glob(f".{scenario}-{number}-*")):
        number += 1  # taken, or being written into by a run that goes on
    return root / f"{scenario}-{number}"


@contextmanager
def staged(folder: Path, force: bool) -> Iterator[Path]:
    """A folder beside ``folder`` to write into; what is in it goes there once all is well, and is gone if it is not.

    With ``force`` an earlier run is replaced; files that are no run's stay.

    Raises:
        FolderTakenError: there is something under that name that may not be replaced. The message says what.
    """
    asked, folder = folder, folder.resolve()

    def check_free(names: Sequence[str] = ()) -> None:
        if folder.exists() and not folder.is_dir():
            raise FolderTakenError(f"{asked} is a file: name a folder with --out")
        if not folder.exists() or not any(folder.iterdir()):
            return
        if not force:
            raise FolderTakenError(
                f"{asked} exists and is not empty: name another folder with --out, or replace a run with --force"
            )
        taken = [name for name in names if (folder / name).exists()]
        if taken and not _holds_a_run(folder):
            raise FolderTakenError(f"{asked} holds {taken[0]}, which is no run's: name another folder with --out")

    check_free()
    made = [parent for parent in folder.parents if not parent.exists()]
    folder.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        yield partial
        check_free([path.name for path in partial.iterdir()])  # a run takes its time
        partial.chmod(0o755)
        if folder.exists() and any(folder.iterdir()):
            _replace(folder, partial)
        else:
            os.replace(partial, folder)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        with suppress(OSError):  # another run may have put something there meanwhile
            for parent in made:  # innermost first
                parent.rmdir()
        raise


def _holds_a_run(folder: Path) -> bool:
    return (folder / "summary.json").exists() and (folder / "ledger").is_dir()


def _replace(folder: Path, partial: Path) -> None:
    """What is in ``partial`` goes into ``folder``; an earlier run there goes aside first, and then away."""
    old = Path(tempfile.mkdtemp(prefix=f"{partial.name}-old-", dir=partial.parent))
    for path in list(folder.iterdir()) if _holds_a_run(folder) else []:
        os.replace(path, old / path.name)
    for path in list(partial.iterdir()):
        os.replace(path, folder / path.name)
    partial.rmdir()
    shutil.rmtree(old)
