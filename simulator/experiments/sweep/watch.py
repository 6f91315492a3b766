"""The progress of a sweep, shown as its trials get done: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from rich.console import Console

from simulator.experiments.run.consoles import bars, shows_bars
from simulator.settings.humanize import human

EVERY = 10.0
"""Seconds between two lines of progress without a terminal, and between two updates of the table of points."""


@dataclass(frozen=True)
class Done:
    """The outcome of a trial in a sweep.

    Attributes:
        hash: the hash of the trial.
        problem: why it failed; None if it did not.
    """

    hash: str
    problem: str | None = None


@dataclass(frozen=True)
class Watch:
    """Passes results on and shows progress: a bar on a terminal, a line now and then elsewhere, and a table of points.

    Attributes:
        console: where progress is printed.
        workers: how many trials run at once; None: nobody knows, as that is for a cluster to say.
        write_points: updates the table of points.
    """

    console: Console
    workers: int | None
    write_points: Callable[[], None]

    def __call__(self, results: Iterable[Done], of: int) -> Iterator[Done]:
        quiet = not shows_bars(self.console)
        began = last = 0.0
        failed = 0
        if quiet and of:
            at_once = "" if self.workers is None else f", {min(self.workers, of)} at once"
            self.console.print(f"{of} trials to run{at_once}")
        with bars(self.console, state=True) as progress:
            bar = progress.add_task("trials", total=of, state=self._running(of).removesuffix(", "))
            for number, done in enumerate(results, 1):
                failed += done.problem is not None
                state = f"{self._running(of - number)}{failed or 'none'} failed"
                progress.update(bar, completed=number, state=state)
                now = time.monotonic()
                if number == 1:
                    began = last = now  # workers take their time to start, once
                elif now - last > EVERY:
                    last = now
                    self.write_points()
                    left = human("seconds", (now - began) / (number - 1) * (of - number))
                    if quiet:
                        self.console.print(f"{number} of {of} trials, {state}, about {left} left")
                yield done

    def _running(self, left: int) -> str:
        """Return the beginning of a state in words: how many trials run when so many are left."""
        return "" if self.workers is None else f"{min(self.workers, left)} running, "
