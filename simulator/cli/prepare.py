"""Commands that make what scenarios start from: `calibrate` a device, `pretrain` a model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.shared import File, Plugin, Set, app, load_scenario, place, progress_bar, refuse, stopped, writing


@app.command()
def calibrate(
    file: File,
    out: Annotated[Path, typer.Option(help="The file of devices to write.", metavar="FILE", callback=place)] = Path(
        "my-machine.yaml"
    ),
    name: Annotated[
        str | None,
        typer.Option(help="The name of the device.", show_default="the file's, without .yaml", metavar="NAME"),
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="How often each piece of work is timed.", metavar="N")] = 15,
    idle_power: Annotated[
        str | None,
        typer.Option(help='Power the machine draws when idle, such as "3 W".', show_default=False, metavar="WATTS"),
    ] = None,
    compute_power: Annotated[
        str | None,
        typer.Option(help="Power the machine draws while it computes.", show_default=False, metavar="WATTS"),
    ] = None,
    overrides: Set = [],  # noqa: B006
    plugins: Plugin = [],  # noqa: B006
    force: Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")] = False,
) -> None:
    """Time a scenario's model and batches on this machine, and write it as a device that scenarios can name."""
    watts = _watts(idle_power, compute_power)
    if not out.parent.is_dir():
        refuse(f"there is no folder {out.parent} to write {out.name} into")
    if out.is_dir() or (out.exists() and not force):
        refuse(f"{out} is a folder" if out.is_dir() else f"{out} exists: name another file with --out, or say --force")
    scenario = load_scenario(file, overrides)
    from simulator.calibration.calibrate import calibrate, save, summary, written
    from simulator.experiments.trial.validate import check

    check(scenario)
    try:
        with progress_bar("timing") as progress:
            measured = calibrate(scenario, repeats, progress)
        with writing():
            save(out, written(name or out.stem, measured, watts))
    except KeyboardInterrupt:
        stopped()
    print(summary(measured, out, name or out.stem, bool(watts)))


@app.command()
def pretrain(
    file: Annotated[Path, typer.Argument(help="The pre-training recipe, a YAML file.", show_default=False)],
    out: Annotated[
        Path | None,
        typer.Option(help="The folder for the weights.", show_default="runs/<name>", metavar="DIR", callback=place),
    ] = None,
    overrides: Set = [],  # noqa: B006
    resume: Annotated[bool, typer.Option("--resume", help="Continue an interrupted training.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Start again in a folder that is not empty.")] = False,
) -> None:
    """Pre-train a model on this machine, for scenarios to start from (model: {weights: ...})."""
    from simulator.pretraining.loop import PretrainError
    from simulator.pretraining.running import run_pretraining
    from simulator.pretraining.settings import load

    settings = load(file, overrides)
    folder = out or Path("runs") / settings.name
    try:
        with writing():
            run_pretraining(settings, folder, resume, force)
    except PretrainError as error:
        refuse(str(error))
    except KeyboardInterrupt:
        if not (folder / "checkpoint.pt").exists():
            stopped()
        print("sfsim: stopped; run the same command with --resume to continue", file=sys.stderr)
        raise SystemExit(130) from None


def _watts(idle: str | None, compute: str | None) -> dict[str, str]:
    """Return a machine's checked power by state; empty if neither option is given."""
    from simulator.settings.units import POWER

    watts = {"idle": idle, "compute": compute}
    for state, power in watts.items():
        if power is None and any(watts.values()):
            refuse("--idle-power and --compute-power go together")
        try:
            POWER.parse(power or "0 W")
        except ValueError as error:
            refuse(f"--{state}-power is {power}: {error}")
    return {state: power for state, power in watts.items() if power is not None}
