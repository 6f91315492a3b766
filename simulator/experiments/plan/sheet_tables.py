"""A sheet of a model as tables."""

from __future__ import annotations

from rich import box
from rich.console import Group
from rich.table import Table

from simulator.experiments.plan.sheet_rows import Sheet
from simulator.settings.humanize import MISSING, Kind, human
from simulator.settings.terminal import Fitted


def tables(found: Sheet) -> Group:
    """Format a sheet as two tables, of its stages and of its cuts."""
    size = f"{found.length} tokens" if found.length else f"{found.image_size} x {found.image_size} pixels"
    task = f"{found.classes} classes" if found.task == "classification" else "next token"
    setting = f"{size}, {task}, train: {found.train}"
    keywords = f" ({', '.join(f'{key} {value}' for key, value in found.keywords.items())})" if found.keywords else ""
    title = f"{found.model}{keywords}: {setting}, batches of {found.batch_size}"
    stages = _table(title, "stage", "parameters", "trained", "forward", "training", "output", "smashed", "kept")
    for stage in (*found.stages, found.whole):
        if stage is found.whole:
            stages.add_section()
        stages.add_row(
            stage.name,
            *_cells("count", stage.parameters, stage.trainable),
            *_cells("flops", stage.forward_flops, stage.training_flops),
            " x ".join(map(str, stage.shape)),
            *_cells("bytes", stage.smashed_bytes, stage.kept_bytes),
        )
    stages.caption = "FLOPs and smashed bytes (fp32) of one sample; kept: what training holds of a batch."
    if found.shared_bytes:
        stages.caption += (
            f" Head and embed share the embedding of words ({human('bytes', found.shared_bytes)}): uncut, as in the "
            "whole, it is one tensor, sent and kept once. A cut makes it two, and so stages and cuts count it here."
        )
    title = "On the device, for each cut"
    cuts = _table(title, "head", "tail", "parameters", "trained", "forward", "backward", "up", "down", "memory")
    for point in found.cuts:
        if (point.head, point.tail) == (0, 1):
            cuts.add_section()
        cuts.add_row(
            *map(str, (point.head, point.tail)),
            *_cells("count", point.parameters, point.trainable),
            *_cells("flops", point.forward_flops, point.backward_flops),
            *_cells("bytes", point.bytes_up, point.bytes_down, point.peak_bytes),
        )
    whole = found.whole
    cuts.add_section()
    cuts.add_row(
        "uncut",
        "",
        *_cells("count", whole.parameters, whole.trainable),
        *_cells("flops", whole.forward_flops, whole.training_flops - whole.forward_flops),
        *(MISSING, MISSING),
        *_cells("bytes", found.uncut_peak_bytes),
    )
    cuts.caption = "Uncut is the whole model, as in FL.\n"
    cuts.caption += "Labels stay there. FLOPs and bytes of one sample; memory: peak of a batch, plain SGD."
    return Group(Fitted(stages), Fitted(cuts, keys=2))


def _cells(kind: Kind, *values: float) -> list[str]:
    return [human(kind, value) for value in values]


def _table(title: str, first: str, *others: str) -> Table:
    table = Table(title=title, title_justify="left", caption_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(first, no_wrap=True)
    for heading in others:
        table.add_column(heading, justify="right", no_wrap=True)
    return table
