"""What a run costs and emits, by payer and phase, as stacked bars."""

from __future__ import annotations

from analysis import style
from analysis.costs import KINDS, PAYERS, costs_by
from analysis.interactive.figure import Chart, Figure, Knob, exact, number, plain
from analysis.interactive.stacked import frame_of, piece, totals_at_ends
from analysis.measures import present
from analysis.runs import Run
from simulator.settings.humanize import scale

PATTERNS = {"operator": "", "edge": "x", "devices": "/"}
OPTIONS = {"Money": ("usd", "cost, all payers"), "Carbon": ("carbon_kg", "carbon emissions, all payers")}
"""What the bars can show: by option, the column of the costs and the name of the axis."""
HOW_TO_READ = (
    "Colour says for which phase, the pattern for whom: plain pieces are the operator's, striped ones those of the "
    "owners of devices, crossed ones those of edge servers. Idle: GPUs that are held, and sites that draw power, while "
    "they do nothing. Shorter is better."
)


def costs_chart(run: Run) -> Chart | None:
    """Return the chart of money and carbon as stacked bars, one of them at a time; None if a run has neither."""
    options = {name: option for name, option in OPTIONS.items() if present(run.costs, option[0])}
    if not options:
        return None
    figures = {str(index): costs_figure(run, *option) for index, option in enumerate(options.values())}
    return Chart("costs", "By payer and phase", HOW_TO_READ, figures, (Knob("of", tuple(options)),), (), "Costs")


def costs_figure(run: Run, column: str, name: str) -> Figure:
    """Return the figure of stacked bars, one per label with its total at the end, and a trace per payer and phase.

    Args:
        run: the run.
        column: the column of the costs.
        name: the name of the axis.
    """
    rows = costs_by(run, "payer", "phase").fillna({column: 0.0})
    rows = rows[rows[column] > 0]
    amounts = {(row["label"], row["payer"], row["phase"]): row[column] for row in rows.to_dict("records")}
    totals = {label: float(rows.loc[rows["label"] == label, column].sum()) for label in run.labels}
    kind, unit = KINDS[column], scale(KINDS[column], max(totals.values(), default=0.0))
    phases = style.phase_order(_known(phase) for phase in rows["phase"])
    colours, traces, named = style.phase_colours(phases), [], set()
    for payer in PAYERS:
        for phase in phases:
            written = "idle" if phase == style.IDLE else phase
            values = [amounts.get((label, payer, written), 0.0) for label in run.labels]
            if not any(values):
                continue
            trace = piece(written, colours[phase], PATTERNS[payer], phase not in named)
            trace["meta"] = {"phase": written, "payer": payer}
            named.add(phase)
            trace["x"] = [number(value / unit.divisor) for value in values]
            trace["y"] = list(range(len(run.labels)))
            trace["hovertext"] = [
                f"<b>{plain(label)}</b><br>{PAYERS[payer]}, {plain(written)}<br>{exact(kind, value)}, "
                f"{value / (totals[label] or 1.0):.1%} of {exact(kind, totals[label])}"
                for label, value in zip(run.labels, values, strict=True)
            ]
            traces.append(trace)
    frame = frame_of(run.labels, {"title": {"text": f"{name} ({unit.unit})"}}, margin=90)
    frame["annotations"] = totals_at_ends(totals, run.labels, kind, unit.divisor)
    return {"data": traces, "layout": frame}


def _known(phase: str) -> str:
    """Return a phase by the name under which figures have a colour for it."""
    return style.IDLE if phase == "idle" else phase
