"""Deploy a small scenario for real on this machine, and compare the seconds of each round with those predicted."""

from __future__ import annotations

import argparse
import datetime
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from filelock import FileLock, Timeout
from rich.console import Console

from simulator.calibration.machine import processor
from simulator.settings.errors import ScenarioError
from tests.deployment import predict
from tests.deployment.compare import Compared, deviations, median_error, parts, table, write
from tests.deployment.deployment import SIGNALS, Deployment, remove_leftovers
from tests.deployment.guard import Guard
from tests.deployment.requirements import LOCK, PREFIX, RUN, DeploymentError, lacking


def compared(changes: Sequence[str], repeats: int, console: Console) -> tuple[list[Compared], list[Compared]]:
    """Deploy the scenario, and return the rounds and their parts, predicted and measured.

    Args:
        changes: by which the scenario differs from its file, as for ``--set``.
        repeats: how often each piece of work is timed for the prediction.
        console: for what is under way.

    Raises:
        DeploymentError: it cannot be deployed, or what was done is not what the schedule says.
    """
    began = time.monotonic()

    def tell(what: str) -> None:
        console.print(f"{time.monotonic() - began:5.0f} s  {what}", highlight=False)

    with Guard(), tempfile.TemporaryDirectory(prefix=PREFIX, dir=RUN) as folder:
        catalogue = Path(folder) / "catalogue.yaml"
        catalogue.write_text(predict.stand_in(predict.named_hardware(predict.SCENARIO)), "utf-8")
        scenario = predict.loaded(catalogue, changes)
        tell("namespaces, links, control groups and processes are made")
        with Deployment(scenario, catalogue, changes) as deployment:
            if not deployment.delays:
                tell("this kernel has no netem: links have no latency, and what is predicted has none")
            tell(f"each kind of hardware is measured under its share, {repeats} times")
            measured_catalogue = Path(folder) / "measured.yaml"
            measured_catalogue.write_text(predict.merged(deployment.calibrate(repeats)), "utf-8")
            scenario = predict.loaded(measured_catalogue, changes)
            scenario = scenario if deployment.delays else predict.without_latency(scenario)
            rounds, within = list[Compared](), list[Compared]()
            for entry in scenario.algorithms:
                ledger = predict.predicted(scenario, entry)
                tell(f"{entry.label}: {sum(row.seconds for row in ledger.rounds):.0f} s are predicted")
                seconds, done = deployment.play(entry.label)
                if differ := deviations(scheduled := predict.schedule(ledger), done):
                    raise DeploymentError(f"{entry.label} did not follow its schedule:\n" + "\n".join(differ[:5]))
                for row, took in zip(ledger.rounds, seconds, strict=True):
                    rounds.append(Compared(entry.label, row.round, "round", row.seconds, took))
                within += parts(entry.label, scheduled, done)
        tell("done, and all that was made is removed")
    return rounds, within


def interrupted(number: int, frame: FrameType | None) -> None:
    """End in order: signals that follow are ignored while all that was made is removed."""
    for each in SIGNALS:
        signal.signal(each, signal.SIG_IGN)
    raise SystemExit(128 + number)


def main(words: Sequence[str] | None = None) -> int:
    """Run the command; return its exit status: 0, or 2 with a message, if it cannot run here or has failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.deployment", description=__doc__)
    parser.add_argument("--clean", action="store_true", help="only remove what a killed deployment has left")
    parser.add_argument("--out", type=Path, default=Path("runs/fidelity.jsonl"), help="the file for the figures")
    parser.add_argument("--repeats", type=int, default=5, help="how often each piece of work is timed")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override a key of the scenario"
    )
    given = parser.parse_args(words)
    console = Console(soft_wrap=True)
    if (problem := lacking()) is not None:
        print(f"fidelity: {problem}", file=sys.stderr)
        return 2
    for each in SIGNALS:
        signal.signal(each, interrupted)
    try:
        with FileLock(LOCK, timeout=0):
            for folder in RUN.glob(f"{PREFIX}*/"):
                shutil.rmtree(folder)
            for name in remove_leftovers():
                console.print(f"removed {name}, which was left over", highlight=False)
            if given.clean:
                return 0
            rounds, within = compared(given.set, given.repeats, console)
    except Timeout:
        print("fidelity: another deployment is under way on this machine: wait for its end", file=sys.stderr)
        return 2
    except (DeploymentError, ScenarioError) as error:
        print(f"fidelity: {error}", file=sys.stderr)
        return 2
    console.print()
    console.print(table(rounds))
    console.print()
    console.print(table(within, by_part=True))
    console.print(f"\nmedian error of {len(rounds)} rounds: {median_error(rounds):.1%}", highlight=False)
    write(given.out, [*rounds, *within], date=datetime.date.today().isoformat(), processor=processor())
    console.print(f"{given.out} has all figures", highlight=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
