"""The option `--track`, and the command `track`, which sends finished runs and sweeps."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.shared import app, refuse, stopped


def _check(names: list[str]) -> list[str]:
    """Refuse trackers that cannot be used, before anything is run."""
    if names:
        from analysis.trackers import TrackerError, chosen

        try:
            chosen(names)
        except TrackerError as error:
            refuse(str(error))
    return names


Track = Annotated[
    list[str],
    typer.Option(
        "--track",
        metavar="TRACKER",
        help="Send the results to tensorboard, mlflow or wandb at the end; repeatable.",
        show_default=False,
        callback=_check,
    ),
]


def send(folder: Path, names: list[str]) -> None:
    """Send what is finished to trackers, and say where it is, or that it could not be sent."""
    if names:
        from simulator.experiments.run.tracking import send

        send(folder, names, print)


@app.command()
def track(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run's or a sweep's folder.", show_default=False)],
    to: Annotated[
        list[str],
        typer.Option(
            metavar="TRACKER", help="tensorboard, mlflow or wandb; repeatable.", show_default=False, callback=_check
        ),
    ],
) -> None:
    """Send a finished run or sweep to TensorBoard, MLflow or Weights & Biases, from its folder alone."""
    from analysis import RunError
    from analysis.trackers import track
    from simulator.experiments.run.tracking import reason

    for name in dict.fromkeys(to):
        try:
            print(track(folder, name))
        except KeyboardInterrupt:
            stopped(f"what was sent to {name} is kept")
        except RunError as error:
            refuse(str(error))
        except Exception as error:  # whatever a tracker raises: its code is no concern of the user
            refuse(f"{name} has not got {folder}: {reason(error)}")
