"""MLflow: an experiment for each scenario, and in it a run for each study with one below it for each trial."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from analysis.trackers.base import Tracker, quietly
from analysis.trackers.flat import Scalar, flat

if TYPE_CHECKING:
    from analysis.trackers.study import Study, TrackedTrial

T = TypeVar("T")
ADDRESS = "MLFLOW_TRACKING_URI"
STORE, DATABASE, ARTIFACTS = "mlruns", "mlflow.db", "artifacts"
"""The folder of the store beside the run's, where no other is named; the database in it, and the folder of files."""
KEY, STUDY = "sfsim.key", "sfsim.study"
"""The tags by which a run that has been sent is recognised, and the runs of a study."""
_METRICS, _PARAMS = 900, 100
"""How many metrics and parameters are sent at once; MLflow takes 1,000 in all."""
_NAME, _VALUE, _REFUSED = 250, 6000, re.compile(r"[^\w.\-:/ ]")
"""How many characters the name and the value of a parameter may have, and those that a name must not have."""


class MLflow(Tracker):
    """MLflow (https://mlflow.org), version 3, at ``MLFLOW_TRACKING_URI`` or in a database beside the run.

    The step of a metric is the round, or the whole number of seconds, bytes or joules over which the curve runs. Its
    time is that of the simulation, counted from the start of the run. Figures and the report are with the study's run.
    """

    name: ClassVar[str] = "mlflow"

    def packages(self) -> tuple[str, ...]:
        """Return the package, and what it needs for a database."""
        return ("mlflow",) if os.environ.get(ADDRESS) else ("mlflow", "sqlalchemy", "alembic")

    def send(self, study: Study) -> str:
        """Send the trials that are not there yet, and the files of the study."""
        quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_LOGGING_LEVEL": "ERROR"}
        quiet |= {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2"}  # a server that is away would be tried for minutes
        with quietly("mlflow", "alembic", **quiet):
            from mlflow import MlflowClient

            store = study.folder.resolve().parent / STORE
            address = os.environ.get(ADDRESS) or f"sqlite:///{store / DATABASE}"
            own = not os.environ.get(ADDRESS)
            if own:
                store.mkdir(exist_ok=True)
            client = MlflowClient(tracking_uri=address)
            experiment = _experiment(client, study.name, (store / ARTIFACTS).as_uri() if own else None)
            there = _sent(client, experiment, study)
            parent = there.get(study.key) or _start(client, experiment, study, study.key, study.title)
            for trial in study.trials:
                if trial.key not in there:
                    _send_trial(client, experiment, study, parent, trial)
            _send_files(client, study, parent)
            client.set_terminated(parent)
        if own:
            place = study.folder.parent / STORE / DATABASE
            return f"MLflow: mlflow ui --backend-store-uri sqlite:///{place}"
        return f'MLflow: experiment "{study.name}" at {address}'


def _experiment(client: Any, name: str, artifacts: str | None) -> str:
    """Return the id of the experiment of this name, which is made if there is none."""
    found = client.get_experiment_by_name(name)
    return str(found.experiment_id if found else client.create_experiment(name, artifact_location=artifacts))


def _sent(client: Any, experiment: str, study: Study) -> dict[str, str]:
    """Return the ids of the study's runs that are whole, by their keys; what is left of an interruption is removed."""
    found, page = {}, None
    while True:
        runs = client.search_runs([experiment], f"tags.`{STUDY}` = '{study.key}'", page_token=page)
        for run in runs:
            key = run.data.tags.get(KEY, "")
            if run.info.status == "FINISHED" or key == study.key:
                found[key] = run.info.run_id
            else:
                client.delete_run(run.info.run_id)
        page = runs.token
        if not page:
            return found


def _start(
    client: Any, experiment: str, study: Study, key: str, name: str, started: float | None = None, **tags: str
) -> str:
    """Start a run, and return its id.

    Args:
        client: the client of MLflow.
        experiment: the id of the experiment.
        study: the study.
        key: that by which the run is recognised.
        name: its name.
        started: when it began, in seconds since 1970; None: now.
        tags: further tags.
    """
    tags = {**{f"sfsim.{tag}": text for tag, text in study.tags.items()}, STUDY: study.key, KEY: key, **tags}
    tags["mlflow.source.name"] = "sfsim"
    moment = _ms(time.time() if started is None else started)
    return str(client.create_run(experiment, start_time=moment, tags=tags, run_name=name).info.run_id)


def _send_trial(client: Any, experiment: str, study: Study, parent: str, trial: TrackedTrial) -> None:
    from mlflow.entities import Metric, Param

    started = trial.ended - trial.figures.get("wall_time_s", 0.0)
    below = {"mlflow.parentRunId": parent, "sfsim.label": trial.label, "sfsim.algorithm": trial.algorithm}
    name = trial.name if study.is_sweep else f"{study.title} {trial.name}"
    run = _start(client, experiment, study, trial.key, name, started, **below)
    start, end = _ms(started), trial.figures.get("sim_time_s", 0.0)
    params = [Param(key, value) for key, value in as_params(trial.settings).items()]
    metrics = [Metric(key, value, start + _ms(end), 0) for key, value in trial.figures.items()]
    metrics += [
        Metric(curve.tag, value, start + _ms(moment), step)
        for curve in trial.curves()
        for step, moment, value in zip(curve.steps, curve.seconds, curve.values, strict=True)
    ]
    for some, part in zip_longest(_parts(params, _PARAMS), _parts(metrics, _METRICS), fillvalue=()):
        client.log_batch(run, params=some, metrics=part)
    client.set_terminated(run, end_time=_ms(trial.ended))


def _send_files(client: Any, study: Study, parent: str) -> None:
    """Send the settings of a study, its files and its figures."""
    from mlflow.entities import Param

    there = client.get_run(parent).data.params
    settings = as_params(flat(study.scenario)) if study.is_sweep else {}
    params = [Param(key, value) for key, value in settings.items() if key not in there]
    for part in _parts(params, _PARAMS):
        client.log_batch(parent, params=part)
    for file in study.files:
        client.log_artifact(parent, str(file), "tables" if file.suffix == ".csv" else None)
    for image in study.images:
        client.log_artifact(parent, str(image), "figures")


def as_params(settings: Mapping[str, Scalar]) -> dict[str, str]:
    """Return settings under names that MLflow takes: a character that it refuses, such as an asterisk, becomes ``_``.

    >>> as_params({"world.devices.*.count": 4, "algorithms.SFL+FF.head": 1, "algorithms.SFL_FF.head": 2})
    {'world.devices._.count': '4', 'algorithms.SFL_FF.head': '1', 'algorithms.SFL_FF.head 2': '2'}
    """
    params: dict[str, str] = {}
    for key, value in settings.items():
        name = key = _REFUSED.sub("_", key)[:_NAME]
        number = 2
        while name in params:
            name, number = f"{key[: _NAME - 8]} {number}", number + 1
        params[name] = str(value)[:_VALUE]
    return params


def _parts(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """Yield the items in lists of at most this size."""
    for first in range(0, len(items), size):
        yield items[first : first + size]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
