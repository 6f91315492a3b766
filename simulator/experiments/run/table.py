"""The table that a run prints: one row for each algorithm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from analysis.goal import Goal, Target
from simulator.experiments.run.settled import spread
from simulator.experiments.trial.learned_task import predicts_tokens
from simulator.settings.humanize import Kind, human

if TYPE_CHECKING:
    from simulator.experiments.run.tables import Summary
    from simulator.scenario.scenario import Scenario

COSTS: tuple[tuple[str, str, Kind], ...] = (("cost", "cost_usd", "usd"), ("carbon", "carbon_kg", "kg"))
"""The columns of the table that only scenarios with prices or carbon intensities have."""
LEARNED: tuple[tuple[str, str, Goal], ...] = (("accuracy", "settled_accuracy", "accuracy"),)
LEARNED_OF_TOKENS: tuple[tuple[str, str, Goal], ...] = (
    ("loss", "final_loss", "loss"),
    ("perplexity", "perplexity", "loss"),
    ("token accuracy", "settled_accuracy", "accuracy"),
)
"""The columns of what was learned: of classifiers, and of models that predict the next token."""
_SHORT = 8
"""A label is given at least this many characters before figures are broken."""
_GAP = 2
"""The characters between two columns."""


def results_table(
    scenario: Scenario, summaries: Mapping[str, Sequence[Summary]], shares: Mapping[str, float], width: int
) -> Table:
    """Build the table of results: one row for each algorithm, with means over seeds.

    No figure is cut off: labels are broken where there is little room, and figures too where there is less.

    Args:
        scenario: the scenario.
        summaries: by label, the summary of each seed's trial.
        shares: by label, the share of the devices' busy time that was in vain.
        width: how many characters a line has.
    """
    target = Target.of(scenario.target_accuracy, scenario.target_loss)
    trials = [row for rows in summaries.values() for row in rows]
    measures: list[tuple[str, str, Kind]] = [
        ("time", "sim_time_s", "seconds"),
        ("up", "bytes_up", "bytes"),
        ("down", "bytes_down", "bytes"),
        ("work", "client_flops", "flops"),
        ("energy", "client_energy_j", "joules"),
    ]
    if target is not None:
        goal = f"loss {target.number}" if target.goal == "loss" else f"{target.value:.0%}"
        measures.insert(1, (f"to {goal}", "time_to_target_held_s", "seconds"))
    if any(row["lost_updates"] for row in trials) or len({row["updates"] for row in trials}) > 1:
        measures.append(("updates", "updates", "count"))
    measures += [(name, key, kind) for name, key, kind in COSTS if any(row[key] is not None for row in trials)]
    learned = LEARNED_OF_TOKENS if predicts_tokens(scenario) else LEARNED
    if target is not None and target.goal == "loss" and learned is LEARNED:
        learned = (*learned, ("loss", "final_loss", "loss"))
    cells = {
        label: [
            *(spread([row[key] for row in rows], goal) for _, key, goal in learned),
            *(human(kind, _mean(rows, key)) for _, key, kind in measures),
        ]
        for label, rows in summaries.items()
    }
    headings = [*(heading for heading, _, _ in learned), *(heading for heading, _, _ in measures)]
    title = "traffic, work and energy of the devices"
    if any(shares.values()):
        headings, title = [*headings, "wasted"], f"{title}; wasted: the share of their busy time"
        cells = {label: [*texts, human("fraction", shares[label])] for label, texts in cells.items()}
    title = f"{scenario.name} ({title})"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
    columns = [cells.keys(), *zip(headings, *cells.values(), strict=True)]
    longest, *figures = (max(map(len, texts)) for texts in columns)
    roomy = min(longest, _SHORT) + sum(figures) + _GAP * len(columns) <= width
    table.add_column("", overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=roomy, overflow="fold")
    for label, texts in cells.items():
        table.add_row(label, *texts)
    return table


def _mean(rows: Sequence[Summary], key: str) -> float | None:
    """Return the mean over seeds, or None if one of them has no value."""
    values = [row[key] for row in rows]
    return None if None in values else sum(values) / len(values)
