"""The options of commands whose trials can be computed elsewhere."""

from __future__ import annotations

from typing import Annotated

import typer

ExecutorName = Annotated[
    str,
    typer.Option("--executor", metavar="NAME", help="Where trials are computed: local (this machine), ray or slurm."),
]
Address = Annotated[
    str | None,
    typer.Option(
        "--address",
        metavar="HOST:PORT",
        help="The Ray that computes them, or auto for one that runs on this machine; without it, one is started here.",
        show_default=False,
    ),
]
