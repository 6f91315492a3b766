"""What the rounds waited for: their critical paths as stacked bars, by activity and phase."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from analysis import style
from analysis.interactive.figure import Chart, Figure, Knob, exact, number, plain
from analysis.interactive.stacked import frame_of, piece, totals_at_ends
from analysis.server import OwnLabels, read_paths
from simulator.settings.humanize import scale

NOTHING = "nothing told"
"""The phase of the time in which nothing that is in the ledger was waited for."""
PATTERNS = {"queue": "x", "transfer": "/", "latency": "."}
_ORDER = ("compute", "transfer", "latency", "queue", "other")
HOW_TO_READ = (
    "A round lasts as long as its longest chain of computing, sending and waiting: only what is on that chain is worth "
    "speeding up. Colour says what for: plain pieces are computing, striped ones sending, dotted ones latency, crossed "
    "ones the wait in a queue. Point at a piece for where it was and for which devices."
)


def path_chart(own_labels: OwnLabels) -> Chart | None:
    """Return the chart of critical paths, in shares or in seconds; None for runs that do not tell them.

    Args:
        own_labels: by label as shown, the run that it is from and its label there.

    Raises:
        RunError: a file cannot be read.
    """
    parts = []
    for name, (run, label) in own_labels.items():
        table = read_paths(run, label)
        rounds = run.summary.loc[run.summary["label"] == label, "rounds"].sum()
        parts.append(table.assign(shown=name, seconds=table["seconds"] / max(1.0, float(rounds))))
    whole = pd.concat(parts, ignore_index=True)
    if whole.empty:
        return None
    whole["phase"] = whole["phase"].mask(whole["activity"] == "other", NOTHING)
    figures = {"0": path_figure(whole, list(own_labels), False), "1": path_figure(whole, list(own_labels), True)}
    knob = Knob("as", ("Time of a round", "Share"))
    return Chart("path", "The critical path of a round", HOW_TO_READ, figures, (knob,), (), "Rounds")


def path_figure(parts: pd.DataFrame, labels: Sequence[str], shares: bool) -> Figure:
    """Return the figure of stacked bars, one per label, and a trace per phase and activity.

    Args:
        parts: the parts of paths, with the columns shown (the label), phase, activity, side, group and seconds (of a
            round).
        labels: the labels, from top to bottom.
        shares: whether bars are shares of a round; else they are as long as it.
    """
    totals = {label: float(parts.loc[parts["shown"] == label, "seconds"].sum()) for label in labels}
    unit = scale("seconds", max(totals.values()))
    colours = style.phase_colours(parts["phase"])
    traces = []
    for phase in style.phase_order(parts["phase"]):
        own = parts[parts["phase"] == phase]
        kinds = sorted(
            set(zip(own["activity"], own["side"], strict=True)), key=lambda kind: (_ORDER.index(kind[0]), kind)
        )
        for first, (activity, side) in enumerate(kinds):
            trace = piece(phase, colours[phase], PATTERNS.get(activity, ""), first == 0)
            trace |= {"x": [], "y": [], "hovertext": []}
            alike = own[(own["activity"] == activity) & (own["side"] == side)]
            for row, label in enumerate(labels):
                found = alike[alike["shown"] == label]
                seconds, total = float(found["seconds"].sum()), totals[label]
                trace["y"].append(row)
                trace["x"].append(number(seconds / (total or 1.0) if shares else seconds / unit.divisor))
                what = f"<b>{plain(label)}</b><br>{plain(_named(phase, activity, side))}<br>"
                much = (
                    f"{exact('seconds', seconds)} of a round of {exact('seconds', total)}, {seconds / (total or 1):.1%}"
                )
                trace["hovertext"].append(what + much + _groups(found, seconds))
            traces.append(trace)
    across = {"title": {"text": "share of a round"}, "tickformat": ".0%", "range": [0, 1.0]}
    if not shares:
        across = {"title": {"text": f"a round ({unit.unit}), mean"}, "tickformat": ",~g"}
    frame = frame_of(labels, across)
    frame["annotations"] = [] if shares else totals_at_ends(totals, labels, "seconds", unit.divisor)
    return {"data": traces, "layout": frame}


def _named(phase: str, activity: str, side: str) -> str:
    """Return in words what a piece is: "split training: queue at the server"."""
    if activity == "other":
        return "waiting for a moment, such as a deadline"
    where = "" if activity in ("transfer", "latency") else f" at {'a device' if side == 'device' else f'the {side}'}"
    return f"{phase}: {activity}{where}"


def _groups(found: pd.DataFrame, seconds: float) -> str:
    """Return for which groups of devices a piece was, with their shares of it; empty if for none."""
    shares = found[found["group"] != "none"].groupby("group")["seconds"].sum().sort_values(ascending=False)
    texts = [f"{plain(group)} {amount / seconds:.0%}" for group, amount in shares.items()] if seconds else []
    return f"<br>for {', '.join(texts)}" if texts else ""
