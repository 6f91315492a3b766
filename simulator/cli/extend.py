"""The command `new`, which writes what a plug-in of one's own starts from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.shared import app, place, refuse, writing


@app.command()
def new(
    what: Annotated[str, typer.Argument(metavar="WHAT", help="algorithm.", show_default=False)],
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="What scenarios will call it, such as my_variant.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            help="The file to write; its test goes beside it.",
            show_default="NAME.py",
            metavar="FILE.py",
            callback=place,
        ),
    ] = None,
) -> None:
    """Write an algorithm of your own to start from, which works as it is, and its test."""
    from simulator.cli.templates import NameTakenError, files_for

    if what != "algorithm":
        refuse(f"sfsim new makes an algorithm, not {what}: sfsim new algorithm {name}")
    file = out or Path(f"{name}.py")
    try:
        texts = files_for(name, file)
    except NameTakenError as error:
        refuse(str(error))
    for path in texts:
        if path.exists():
            refuse(f"{path} exists: name another file with --out")
    from simulator.settings.files import write_text

    with writing():
        for path, text in texts.items():
            write_text(path, text)
    algorithm, test = texts
    print(f"Wrote {algorithm}, an algorithm to change, and {test}, its test.")
    print(f"Try it:   pytest {test}")
    print(f"Use it:   sfsim run SCENARIO.yaml --plugin {algorithm}, with {{name: {name}}} among its algorithms")
