"""Commands that keep what runs left: `verify` checks a folder, `clean` removes what is of no use any more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.shared import app, refuse, tell_version


@app.command()
def verify(
    folder: Annotated[Path, typer.Argument(metavar="RUN", help="A run's or a sweep's folder.", show_default=False)],
) -> None:
    """Check a run: the hashes of its files, the laws of its ledgers, and what its tables and its report say."""
    from analysis import RunError
    from simulator.experiments.verify.verify import verify as checks

    differ = done = 0
    try:
        for check in checks(folder):
            print(check, flush=True)
            done += 1
            differ += bool(check.problems)
    except RunError as error:
        refuse(str(error))
    tell_version(folder)
    print(f"{folder}: " + (f"{differ} of {done} checks differ" if differ else "all is well"))
    raise SystemExit(1 if differ else 0)
