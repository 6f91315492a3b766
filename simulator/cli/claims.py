"""The command `claims`, which checks published claims by scenarios."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from simulator.cli.shared import app, place, progress_bar, refuse, show, stopped, writing

PAGE = Path("docs/claims.md")


@app.command()
def claims(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Claims; all without a name.", show_default=False)
    ] = None,
    folder: Annotated[Path, typer.Option(help="The folder of the claims.", metavar="DIR")] = Path("scenarios/claims"),
    out: Annotated[
        Path | None,
        typer.Option(
            help="The page to write.", show_default=f"{PAGE} if no claim is named", metavar="FILE", callback=place
        ),
    ] = None,
) -> None:
    """Check published claims with scenarios (dry where no accuracy is needed), and write a page of verdicts."""
    from simulator.experiments.evidence.claims_run import claims_in, run_claims

    page = out or (None if names else PAGE)
    if page and not page.parent.is_dir():
        refuse(f"there is no folder {page.parent} to write {page.name} into: name a page with --out")
    files = claims_in(folder, names or [])
    from simulator.experiments.evidence.claims_page import is_page, page_of, table
    from simulator.settings.files import atomically

    if page and page.exists() and not is_page(page):
        refuse(f"{page} exists, and is not a page of claims: name another with --out")
    try:
        with progress_bar("claims") as progress:
            outcomes, problems = run_claims(files, progress)
        show(table(outcomes))
        if page and not problems:
            text = page_of(outcomes)
            with writing():
                atomically(page, lambda partial: partial.write_text(text, encoding="utf-8"))
            print(f"Page: {page}")
    except KeyboardInterrupt:
        stopped()
    for problem in problems:
        print(f"sfsim: {problem}", file=sys.stderr)
    if problems:
        raise SystemExit(2)
