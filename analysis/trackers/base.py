"""The contract of a tracker, and how its package is kept quiet."""

from __future__ import annotations

import logging
import os
import warnings
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, ClassVar

from simulator.settings.base import Settings

if TYPE_CHECKING:
    from analysis.trackers.study import Study


class Tracker(Settings):
    """A tool to which finished runs and sweeps are sent.

    A subclass has a ``name``, which ``--track`` takes. It imports the package of the tool only in ``send``.
    """

    name: ClassVar[str]

    def packages(self) -> tuple[str, ...]:
        """Return the packages that it imports; the extra of its name installs them."""
        return (self.name,)

    @abstractmethod
    def send(self, study: Study) -> str:
        """Send a study, and return a line that says how to look at it.

        What has been sent already is not sent again: each trial, and the study, has a key by which it is recognised.
        """


@contextmanager
def quietly(*loggers: str, **environment: str) -> Iterator[None]:
    """Use another package within this context: without its warnings, its chatter and its telemetry.

    Warnings are ignored, for they are about that package and those that it uses (MLflow uses SQLAlchemy in a deprecated
    way, for example): a user of sfsim can do nothing about them. Errors are raised all the same.

    Args:
        loggers: names of loggers that tell errors alone.
        environment: variables that are set unless the user has set them.
    """
    former = {name: logging.getLogger(name).level for name in loggers}
    added = {name: value for name, value in environment.items() if name not in os.environ}
    os.environ.update(added)
    for name in loggers:
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for name, level in former.items():
            logging.getLogger(name).setLevel(level)
        for name in added:
            os.environ.pop(name, None)
