"""The page of claims, in Markdown, and the table that the command prints. No figure on them is typed by hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich import box
from rich.markup import escape
from rich.table import Table

from simulator.experiments.evidence.claims_run import ClaimResult, ConditionResult, FigureResult
from simulator.experiments.evidence.claims_settings import Figure
from simulator.experiments.evidence.claims_verdict import HOLDS_IF, MEANINGS
from simulator.settings.wording import listed

MARK = "<!-- written by `sfsim claims`: do not edit -->"
"""The first line of a page of claims."""
INTRODUCTION = """\
Each claim has a file in `scenarios/claims/` that says what is claimed and by whom, how the figure is computed, and what
tolerance decides. Not all are a paper's own words: the mark of the source says how a claim is known. Most
tolerances were committed before `sfsim claims` computed any figure; a claim whose tolerance was committed with its
result says so, and what was known before is stated there. The command computes the figures and writes this page: costs
come from dry runs, accuracies from real training. A verdict is on what is simulated here, not on a paper's own
experiments."""
MARKS = {
    "S": "the paper's abstract or public summary",
    "P": "a public page about the paper",
    "G": "a file of a public repository",
    "3P": "a third party",
    "D": "derived, no statement of the paper",
    "M": "recalled, not verified",
}
FEW = 4
"""At most so many conditions are named in a verdict; more are counted."""


def is_page(path: Path) -> bool:
    """Return whether a file is a page of claims, which may be replaced."""
    return path.is_file() and path.read_bytes().startswith(MARK.encode())


def page_of(outcomes: Sequence[ClaimResult]) -> str:
    """Return the page: what the verdicts mean, a table of all claims, and a section for each."""
    verdicts = [f"- **{verdict}**: {meaning}." for verdict, meaning in MEANINGS.items()]
    marks = ", ".join(f"{mark} {meaning}" for mark, meaning in MARKS.items())
    lines = [
        MARK,
        "# Claims, checked",
        "",
        INTRODUCTION,
        "",
        *verdicts,
        "",
        f"Marks of sources: {marks}.",
        "",
        "| claim | source | must be | ours | verdict |",
        "|---|---|---|---|---|",
        *map(summary_row, outcomes),
        "",
    ]
    return "\n".join([*lines, *(section(outcome) for outcome in outcomes)])


def summary_row(outcome: ClaimResult) -> str:
    """Return the row of a claim in the table of all claims."""
    claim = outcome.claim
    cells = f"[{claim.name}](#{claim.name})", claim.source.mark, *_figures(outcome, "<br>"), f"**{outcome.verdict}**"
    return f"| {' | '.join(map(_cell, cells))} |"


def section(outcome: ClaimResult) -> str:
    """Return the section of a claim: the source, the verdict and its conditions, all figures, and what is assumed."""
    claim, source = outcome.claim, outcome.claim.source
    words = f': "{source.says}"' if source.says else ""
    lines = [
        f"## {claim.name}",
        "",
        claim.claim,
        "",
        f"- Source: {source.paper}; {source.where} ({source.mark}){words}",
        f"- Verdict: **{outcome.verdict}**{reason(outcome)}",
        f"- Command: `sfsim claims {claim.name}` ([file](../scenarios/claims/{Path(claim.path).name}))",
        "",
        *_conditions(outcome),
        "",
        *(["Assumed:", "", *(f"- {sentence}" for sentence in claim.assumed), ""] if claim.assumed else []),
        *([claim.note, ""] if claim.note else []),
    ]
    return "\n".join(lines)


def reason(outcome: ClaimResult) -> str:
    """Return what follows a verdict: the conditions that give the figures, or how much is missing at best."""
    fulfilled, count = outcome.fulfilled, len(outcome.conditions)
    if outcome.verdict == HOLDS_IF:
        if count == 1:
            return f" {fulfilled[0].label or 'what is assumed is so'}"
        named = "; ".join(condition.label for condition in fulfilled)
        which = named if len(fulfilled) <= FEW else "one of those marked yes below"
        return f" {which} ({len(fulfilled)} of {count} conditions tried)"
    if outcome.missing:
        return f": there is no file {listed(outcome.missing)}"
    missing = "" if fulfilled else "; ".join(_missing(outcome))
    return f". {missing}." if missing else ""


def table(outcomes: Sequence[ClaimResult]) -> Table:
    """Return the table of claims and verdicts for a terminal."""
    printed = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_lines=False)
    printed.add_column("claim", no_wrap=True)
    for heading in ("source", "must be", "ours"):
        printed.add_column(heading)
    printed.add_column("verdict", overflow="fold")
    for outcome in outcomes:
        wanted, ours = _figures(outcome, "\n")
        verdict = f"{outcome.verdict}{reason(outcome)}"
        cells = outcome.claim.name, outcome.claim.source.mark, wanted, ours, verdict
        printed.add_row(*map(escape, cells), end_section=True)
    return printed


def _figures(outcome: ClaimResult, between: str) -> tuple[str, str]:
    """Return what the figures must be, and ours under the conditions that are as claimed, or under all if none is."""
    wanted, ours = [], []
    for number, figure in enumerate(outcome.claim.figures):
        if figure.bounds:
            results = [condition.figures[number] for condition in outcome.fulfilled or outcome.conditions]
            label = f"{figure.label}: " if len(outcome.claim.figures) > 1 else ""
            wanted.append(f"{label}{_wanted(figure)}")
            ours.append(f"{label}{_range(results) if results else '–'}")
    return between.join(wanted), between.join(ours)


def _range(results: Sequence[FigureResult]) -> str:
    low, high = (pick(results, key=lambda result: result.mean).text() for pick in (min, max))
    return low if low == high else f"{low} to {high}"


def _wanted(figure: Figure) -> str:
    """Return the range in which a figure must be, in words."""
    text = figure.measure.text
    if figure.claimed is not None and figure.within is not None:
        return (
            f"{text(figure.claimed)} ± {figure.measure.distance(figure.within)}"
            f"{' points' if figure.measure.unit == ' %' else figure.measure.unit}"
        )
    if figure.claimed is not None and figure.within_share is not None:
        return f"{text(figure.claimed)} ± {100 * figure.within_share:.3g} %"
    bounds = (("at least", figure.at_least), ("at most", figure.at_most))
    return ", ".join(f"{words} {text(bound)}" for words, bound in bounds if bound is not None)


def _conditions(outcome: ClaimResult) -> Iterator[str]:
    """Yield the lines of the table of all conditions and figures."""
    figures = outcome.claim.figures
    if not outcome.conditions:
        return
    headings = [f"{figure.label} ({_wanted(figure)})" if figure.bounds else figure.label for figure in figures]
    yield f"| condition | {' | '.join(map(_cell, headings))} | as claimed |"
    yield f"|{'---|' * (len(figures) + 2)}"
    for condition in outcome.conditions:
        cells = [condition.label or "as assumed", *(_with_place(condition, result) for result in condition.figures)]
        yield f"| {' | '.join(map(_cell, cells))} | {_yes(condition)} |"


def _with_place(condition: ConditionResult, result: FigureResult) -> str:
    """Return a figure, and where it was found if the condition's name does not say so."""
    return result.text() if condition.state or not result.where else f"{result.text()} {result.where}"


def _yes(condition: ConditionResult) -> str:
    return "yes" if condition.state else "with some seeds" if condition.state is None else "no"


def _missing(outcome: ClaimResult) -> Iterator[str]:
    """Yield for each figure that was to be reached how much is missing at best."""
    for number, figure in enumerate(outcome.claim.figures):
        best = max(condition.figures[number].mean for condition in outcome.conditions)
        if figure.claimed is not None and figure.at_least is not None and 0 < best < figure.at_least:
            text = figure.measure.text
            yield f"At best {text(best)}, short of {text(figure.claimed)} by a factor of {figure.at_least / best:.3g}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
