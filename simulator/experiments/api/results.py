"""A finished run as Python code and notebooks see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from simulator.experiments.api.shown import Shown, root_figure
from simulator.settings.wording import listed, near_miss

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure
    from rich.table import Table

    import analysis
    from analysis.verdict import Verdict
    from simulator.experiments.api.inputs import Folder
    from simulator.experiments.run.run import Results
    from simulator.scenario.scenario import Scenario

Over = Literal["time", "bytes", "energy", "rounds", "updates", "money", "carbon"]
"""What accuracy is drawn against."""
_BILLED = {"money": "cost_usd", "carbon": "carbon_kg"}


class Run(Shown):
    """A finished run of all trials of a scenario, which shows its table in a notebook.

    All figures in data frames are in SI units: seconds, bytes, FLOPs, joules. Accuracies are fractions, and not a
    number in a dry run.

    Examples:
        >>> import simulator as sf
        >>> run = sf.run(sf.load("scenarios/quickstart.yaml").with_(training__rounds=1), dry=True)
        >>> run
        <Run of quickstart: 4 dry trials>
        >>> run.rounds[["label", "round"]].tail(2).to_dict("list")
        {'label': ['SFPrompt', 'SFPrompt'], 'round': [0, 1]}
        >>> int(run.transfers["bytes"].sum()) == int(run.summary[["bytes_up", "bytes_down"]].to_numpy().sum())
        True

    Attributes:
        scenario: the scenario that was run.
        notes: what there is to know of the run, in sentences: settings without effect, devices that are too small, how
            accuracies are averaged, and which updates were lost.
    """

    def __init__(self, folder: Folder, results: Results, told: Sequence[str] = ()) -> None:
        """Wrap a folder that was written.

        Args:
            folder: the run folder.
            results: what is shown of the run.
            told: sentences that go before those of ``results``.
        """
        self.scenario: Scenario = results.scenario
        self.notes: list[str] = [*told, *results.accuracies, *results.remarks]
        self._folder, self._results = folder, results

    def _said(self) -> str:
        trials = len(self.scenario.algorithms) * len(self.scenario.seeds)
        kind = "dry trial" if self.data.dry else "trial"
        return f"Run of {self.scenario.name}: {trials} {kind}{'s' * (trials > 1)}"

    @property
    def folder(self) -> Path:
        """The run folder; it is removed with this object, unless it was named by ``out``."""
        return self._folder.path

    @cached_property
    def data(self) -> analysis.Run:
        """The run as the functions of the package ``analysis`` take it."""
        from analysis import load_run

        return load_run(self.folder)

    @cached_property
    def verdict(self) -> Verdict:
        """Who comes first, at what cost, how sure that is, and what would change it.

        ``str(run.verdict)`` has a line for each of these questions, ``run.verdict.sentences`` is a list.
        """
        from analysis.verdict import verdict_of_run

        return verdict_of_run(self.data)

    @property
    def summary(self) -> pd.DataFrame:
        """One row for each trial, with the keys of ``summary.json``."""
        return self.data.summary

    @property
    def rounds(self) -> pd.DataFrame:
        """Running totals: one row for each trial and round, from round 0 on, which is before training."""
        return self.data.rounds

    @property
    def breakdown(self) -> pd.DataFrame:
        """Seconds, bytes, FLOPs and joules by trial, side, phase and activity."""
        return self.data.breakdown

    @cached_property
    def works(self) -> pd.DataFrame:
        """Every computation of every trial, by its start: its site, client, phase, seconds and FLOPs."""
        return self._of_all_trials(self.data.works)

    @cached_property
    def transfers(self) -> pd.DataFrame:
        """Every transfer of every trial, by its start: its source, target, kind, phase, seconds and bytes."""
        return self._of_all_trials(self.data.transfers)

    def plot_accuracy(self, over: Over = "time") -> Figure:
        """Draw accuracy on the test set, one line for each label; with several seeds, their mean in a band.

        Of models that predict the next token, it is the accuracy of tokens.

        Args:
            over: the horizontal axis: "time" (simulated), "bytes" (up and down), "energy" (of the devices), "rounds",
                "updates" (aggregated), "money" or "carbon".

        Raises:
            ValueError: there is no such axis, or the scenario has no prices or carbon intensities.
        """
        from analysis import plot_accuracy

        return root_figure(plot_accuracy(self.data, self._checked(over, "accuracy")))

    def plot_loss(self, over: Over = "time") -> Figure:
        """Draw the loss on the test set, the mean cross-entropy in nats; see ``plot_accuracy``."""
        from analysis import plot_loss

        return root_figure(plot_loss(self.data, self._checked(over, "loss")))

    def _checked(self, over: Over, what: str) -> Over:
        """Return what something is drawn over, if the run has it."""
        if over not in get_args(Over):
            raise ValueError(
                f'{what} cannot be drawn over "{over}"{near_miss(over, get_args(Over))} '
                f"(allowed: {listed(get_args(Over))})"
            )
        column = _BILLED.get(over)
        if column and self.rounds[column].isna().all():
            key = "prices" if over == "money" else "carbon"
            raise ValueError(f'{what} cannot be drawn over "{over}": the scenario has no {key}')
        return over

    def plot_where(self) -> Figure:
        """Draw where device time, traffic and device energy go: a bar for each label, in pieces by phase."""
        from analysis import plot_where_it_goes

        return root_figure(plot_where_it_goes(self.data)[0])

    def report(self) -> Path:
        """Draw the figures and the report into the folder, unless they are there, and return the report's path."""
        from analysis import write_figures, write_report
        from simulator.experiments.plan.explorer.explorer import EXPLORER
        from simulator.experiments.run.drawing import write_explorer

        report = self.folder / "report.html"
        if report.is_file():
            return report
        if not (self.folder / EXPLORER).is_file():
            write_explorer(self.folder, self.scenario, self.notes.append)
        return write_report(self.folder, write_figures(self.folder))

    def _of_all_trials(self, table: Callable[[str, int], pd.DataFrame]) -> pd.DataFrame:
        """Return a table of the ledger for all trials, with the columns ``label`` and ``seed`` before its own."""
        import pandas as pd

        frames = []
        for label, seed in self.summary[["label", "seed"]].itertuples(index=False):
            frame = table(label, int(seed))
            frame.insert(0, "label", label)
            frame.insert(1, "seed", int(seed))
            frames.append(frame)
        return pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)

    def _table(self, width: int) -> Table:
        return self._results.table(width)

    def _verdict(self) -> Iterable[tuple[str, Sequence[str]]]:
        return self.verdict.headings

    def _notes(self) -> Iterable[str]:
        return self.notes
