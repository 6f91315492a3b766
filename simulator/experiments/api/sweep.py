"""`simulator.sweep`: a scenario at many points, as Python code and notebooks see it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.markup import escape
from rich.table import Table

from analysis.tasks import NEXT_TOKEN
from simulator.experiments.api.inputs import AnyScenario, Folder, scenario_of
from simulator.experiments.api.shown import Shown, root_figure
from simulator.experiments.run.consoles import session_console
from simulator.experiments.sweep.run import run_points
from simulator.experiments.sweep.settings import Sweep
from simulator.settings.humanize import Kind, human
from simulator.settings.loading import validated
from simulator.settings.sources import Source

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    import analysis
    from analysis.verdict import Verdict

_MOST_ROWS = 60
"""At most this many rows of the table are shown; ``points`` has them all."""
_MEASURES: tuple[tuple[str, str, Kind], ...] = (
    ("accuracy", "settled_accuracy", "fraction"),
    ("time", "sim_time_s", "seconds"),
    ("up", "bytes_up", "bytes"),
    ("down", "bytes_down", "bytes"),
    ("energy", "client_energy_j", "joules"),
)
_OF_TOKENS: tuple[tuple[str, str, Kind], ...] = (
    ("loss", "final_loss", "count"),
    ("perplexity", "perplexity", "count"),
    ("token accuracy", "settled_accuracy", "fraction"),
)
"""What stands in place of accuracy where models predict the next token."""


def sweep(
    scenario: AnyScenario,
    axes: Mapping[str, Any],
    *,
    dry: bool = False,
    seeds: Sequence[int] | None = None,
    workers: int | None = 1,
    out: Path | str | None = None,
    force: bool = False,
    keep_going: bool = False,
    progress: bool | None = None,
    plugins: Sequence[Path | str] = (),
) -> SweepResult:
    """Run a scenario at every point of a grid of values of some of its keys.

    Examples:
        >>> import simulator as sf
        >>> scenario = sf.load("scenarios/quickstart.yaml").with_(training__rounds=1)
        >>> rates = sf.sweep(scenario, {"world.server.uplink.rate": ["1 Gbit/s", "8 Mbit/s"]}, dry=True)
        >>> times = rates.points.pivot(index="world.server.uplink.rate", columns="label", values="sim_time_s")
        >>> bool((times.loc[1e6] > times.loc[125e6]).all())
        True

    Args:
        scenario: a scenario, or the path of its file, or a mapping with what the file would have.
        axes: by dotted key, its values: a list, or what a sweep file takes, such as {"range": [8, 64], "step": 8};
            ``*`` in a key stands for every item of a list.
        dry: simulate without training; everything but accuracy is as in a real run.
        seeds: seeds in place of the scenario's.
        workers: the number of processes; with one, trials run in this process. None: as many as the cores allow.
        out: the sweep's folder, in which finished trials are kept and not run again; None: a temporary one, which is
            removed with the result.
        force: use a folder that holds another sweep or something else.
        keep_going: skip points that are not valid scenarios, and do not raise if trials fail.
        progress: show it; None: only in a terminal or a notebook.
        plugins: Python files with algorithms or other choices that the scenario's file names; of a scenario that is
            loaded already, ``load`` has taken them.

    Raises:
        ScenarioError: an axis is not a key of the scenario, a point is not a valid scenario, or a trial failed.
    """
    base = scenario_of(scenario, plugins)
    if seeds is not None:
        base = base.with_(seeds=seeds)
    source = base._source
    data = {"name": base.name, "scenario": source.path if source else base.name, "axes": axes}
    settings = validated(Sweep, Source(data, name="sweep"))
    with Folder.to_write(out, base.name) as folder:
        try:
            run_points(
                settings,
                base,
                dry=dry,
                out=folder.path,
                workers=workers,
                keep_going=keep_going,
                force=force,
                console=session_console(progress),
                report=not folder.temporary,
            )
        except KeyboardInterrupt:
            if folder.temporary:
                raise KeyboardInterrupt("Nothing is kept: name a folder with out= to keep finished trials") from None
            raise
    return SweepResult(folder)


class SweepResult(Shown):
    """A finished sweep, which shows its table in a notebook.

    All figures in data frames are in SI units: seconds, bytes, FLOPs, joules. Accuracies are fractions, and not a
    number in a dry run.
    """

    def __init__(self, folder: Folder) -> None:
        """Wrap a sweep's folder that was written."""
        self._folder = folder

    def _said(self) -> str:
        points, kind = self.points["point"].nunique(), "dry " if self.data.dry else ""
        return f"Sweep of {self.data.name}: {len(self.points)} {kind}trials at {points} points"

    @property
    def folder(self) -> Path:
        """The sweep's folder; it is removed with this object, unless it was named by ``out``."""
        return self._folder.path

    @cached_property
    def data(self) -> analysis.Sweep:
        """The sweep as the functions of the package ``analysis`` take it."""
        from analysis import load_sweep

        return load_sweep(self.folder)

    @cached_property
    def verdict(self) -> Verdict:
        """Who comes first at which points, and with how many of their seeds."""
        from analysis.verdict import verdict_of_sweep

        return verdict_of_sweep(self.data)

    @cached_property
    def points(self) -> pd.DataFrame:
        """One row for each point, label and seed: the values of the axes, by key, and the keys of ``summary.json``.

        Values with a unit are in SI. ``status`` is "done" or "failed", and ``message`` says why.
        """
        from analysis.sweeps import TEXT

        keys = [axis.key for axis in self.data.axes]
        frame = self.data.summary.drop(columns=["trial", *(key + TEXT for key in keys)])
        first = ["point", *keys, "label", "algorithm", "seed"]
        last = ["status", "message"]
        return frame[[*first, *(column for column in frame if column not in (*first, *last)), *last]]

    def plot(self, measure: str = "sim_time_s", x: str | None = None, y: str | None = None) -> Figure:
        """Draw a measure over one axis, a line for each label, or over two, a heat map for each label.

        Args:
            measure: a column of ``points``, or "bytes" for traffic in both directions.
            x: the key of the horizontal axis, or its shortest unique end; None: the first axis that varies.
            y: the key of the vertical axis of heat maps; None: the second axis that varies, if there is one.

        Raises:
            RunError: there is no such axis or measure, or several points lie at one place.
        """
        from analysis import plot_heat_maps, plot_over_axis

        varying = [axis.key for axis in self.data.dimensions or self.data.axes[:1]]
        across = self.data.axis(x).key if x is not None else next(key for key in varying if key != y)
        up = y if y is not None or x is not None else next((key for key in varying if key != across), None)
        if up is None:
            return root_figure(plot_over_axis(self.data, across, measure))
        return root_figure(plot_heat_maps(self.data, across, up, measure)[0])

    def report(self) -> Path:
        """Draw the figures and the report into the folder, unless they are there, and return the report's path."""
        from analysis import write_sweep_report

        report = self.folder / "report.html"
        return report if report.is_file() else write_sweep_report(self.data)

    def _table(self, width: int) -> Table:
        """Return the table: one row for each point and label, with means over seeds."""
        from analysis.axes import short_names
        from analysis.measures import present
        from analysis.sweeps import TEXT

        names = short_names([axis.key for axis in self.data.axes])
        rows = self.data.summary
        of_tokens = self.data.task == NEXT_TOKEN
        measures = [
            measure
            for measure in ((*_OF_TOKENS, *_MEASURES[1:]) if of_tokens else _MEASURES)
            if present(rows, measure[1])
        ]
        seeds = rows["seed"].nunique()
        title = f"{self.data.name}: {rows['point'].nunique()} points" + (f", means of {seeds} seeds" * (seeds > 1))
        table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, collapse_padding=True, pad_edge=False)
        for name in (*names.values(), ""):
            table.add_column(escape(name), overflow="fold")
        for heading, _, _ in measures:
            table.add_column(heading, justify="right", no_wrap=True)
        groups = rows.groupby(["point", "label"], sort=False)
        for (_, label), part in list(groups)[:_MOST_ROWS]:
            place = [escape(str(part[key + TEXT].iloc[0])) for key in names]
            table.add_row(*place, escape(str(label)), *(human(kind, part[key].mean()) for _, key, kind in measures))
        if groups.ngroups > _MOST_ROWS:
            table.caption = f"and {groups.ngroups - _MOST_ROWS} more rows: points has them all"
        return table

    def _verdict(self) -> Iterable[tuple[str, Sequence[str]]]:
        return self.verdict.headings
