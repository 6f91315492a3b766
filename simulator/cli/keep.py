"""Commands that keep what runs left: `verify` checks a folder, `clean` removes what is of no use any more."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.shared import app, refuse, tell_version, writing


@app.command()
def verify(
    folder: Annotated[
        Path, typer.Argument(metavar="RUN", help="The folder of a run, sweep or search.", show_default=False)
    ],
) -> None:
    """Check a run, or each trial of a sweep or search: hashes, the laws of ledgers, and what tables and reports say."""
    from analysis import RunError
    from simulator.experiments.verify.verify import verify as checks

    differ = done = 0
    left_out: list[str] = []
    try:
        for check in checks(folder):
            print(check, flush=True)
            done += 1
            differ += bool(check.problems)
            left_out += [check.name] if check.is_left_out else []
    except RunError as error:
        refuse(str(error))
    with suppress(RunError):  # it cannot be read, which was told
        tell_version(folder)
    well = f"all that was checked is well; not checked: {', '.join(left_out)}" if left_out else "all is well"
    print(f"{folder}: " + (f"{differ} of {done} checks differ" if differ else well))
    raise SystemExit(1 if differ else 0)


@app.command()
def clean(
    root: Annotated[Path, typer.Argument(metavar="FOLDER", help="The folder of runs and sweeps.")] = Path("runs"),
    older_than: Annotated[
        str | None,
        typer.Option(
            help="Also runs and sweeps unchanged for as long, such as 30d or 12h.", show_default=False, metavar="TIME"
        ),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(
            min=0, help="Also runs and sweeps, but for the newest N of each scenario.", show_default=False, metavar="N"
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove without a question.")] = False,
) -> None:
    """Remove what killed commands left, kept costs of models and, if asked for, old runs; list it before."""
    import sys

    from simulator.experiments.clean.clean import find, remove
    from simulator.settings.humanize import human

    if root.exists() and not root.is_dir():
        refuse(f"{root}: this is a file, not a folder")
    unchanged = _seconds(older_than)
    with writing():
        found = find(root, unchanged, keep)
    for thing, why in found.stays:
        print(f"Stays: {thing.path}: {why}")
    if not found.remove:
        print("There is nothing to remove")
        return
    for thing in found.remove:
        what = f"{thing.what} of {thing.scenario}" if thing.scenario else thing.what
        print(f"{thing.path}: {what}, {human('bytes', thing.size)}")
    count, size = len(found.remove), human("bytes", sum(thing.size for thing in found.remove))
    if not yes:
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            print(f"Nothing was removed: {size} in {count} would be, with --yes")
            return
        if not typer.confirm(f"Remove these {count}, {size}?"):
            print("Nothing was removed")
            return
    kept = [thing.path for thing in found.remove if not remove(thing)]
    for path in kept:
        print(f"Stays: {path}: it is in use, or cannot be removed")
    print(f"Removed {count - len(kept)}, {size}" if not kept else f"Removed {count - len(kept)} of {count}")


def _seconds(text: str | None) -> float | None:
    """Return a time such as "30d" in seconds; refuse others."""
    if text is None:
        return None
    units = {"d": 86_400.0, "h": 3_600.0, "min": 60.0, "s": 1.0}
    from simulator.settings.units import amount

    parsed = amount(text)
    if parsed is None or parsed[1] not in units or parsed[0] < 0:
        refuse(f"--older-than {text}: write a number and d, h, min or s, such as 30d")
    return float(parsed[0]) * units[parsed[1]]
