"""Weights & Biases: a project for each scenario, and in it a group of runs for each study."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

from analysis.trackers.base import Tracker, quietly
from analysis.trackers.study import OVER

if TYPE_CHECKING:
    from analysis.trackers.study import Study, TrackedTrial

MODE, FOLDER = "WANDB_MODE", "wandb"
"""The variable that says whether to upload, and the folder of W&B in that of the study."""
ACROSS = {over: f"x/{over}" for over in OVER}
"""By what curves run over, the name of the metric that W&B draws them over."""
_SECONDS = 30
"""How long to wait for the server of W&B."""


class WeightsAndBiases(Tracker):
    """Weights & Biases (https://wandb.ai); offline where nobody is logged in, unless ``WANDB_MODE`` says otherwise.

    Each curve has a metric of its own to run over: rounds, seconds of simulated time, bytes, or joules.
    """

    name: ClassVar[str] = "wandb"

    def send(self, study: Study) -> str:
        """Send the trials that are not there yet, and the files of the study if any were."""
        with quietly("wandb", WANDB_SILENT="true", WANDB_ERROR_REPORTING="false"):
            import wandb

            mode = os.environ.get(MODE) or ("online" if wandb.login(prompt=False, verify=False) else "offline")
            place = study.folder / FOLDER
            place.mkdir(exist_ok=True)
            done = place / f"sent-{mode}"  # the keys of the trials that are finished
            there = done.read_text(encoding="utf-8").split() if done.is_file() else []
            missing = [trial for trial in study.trials if trial.key not in there]
            for trial in missing:
                with _run(study, mode, trial.key, trial.name, _config(study, trial)) as run:
                    _log_trial(run, trial)
                with done.open("a", encoding="utf-8") as sent:
                    sent.write(f"{trial.key}\n")
            if missing:
                with _run(study, mode, f"{study.key}-{len(study.trials)}", study.title, dict(study.scenario)) as run:
                    _log_study(run, study)
        if mode == "offline":
            return f"W&B: wandb sync {place}/offline-run-*"
        return f'W&B: project "{study.name}", group "{study.title}"'


@contextmanager
def _run(study: Study, mode: str, key: str, name: str, config: Mapping[str, Any]) -> Iterator[Any]:
    """Start a run of W&B, and finish it.

    Args:
        study: the study, which is its group.
        mode: that of W&B, such as "offline".
        key: its id.
        name: its name.
        config: its settings.
    """
    import wandb

    tags = [study.name[:64], "sweep" if study.is_sweep else "run", *(["dry"] if study.dry else [])]
    run = wandb.init(
        project=study.name,
        group=study.title,
        id=key,
        name=name,
        dir=str(study.folder),
        config={**config, "sfsim": dict(study.tags)},
        tags=[*tags, f"sfsim {study.version}"],
        reinit="create_new",
        settings=wandb.Settings(
            mode=mode,
            console="off",
            silent=True,
            disable_git=True,
            disable_code=True,
            save_code=False,
            symlink=False,
            init_timeout=_SECONDS,
            x_disable_meta=True,
            x_disable_stats=True,
            x_disable_machine_info=True,
            x_save_requirements=False,
        ),
    )
    try:
        yield run
    except BaseException:
        run.finish(exit_code=1)
        raise
    run.finish()


def _config(study: Study, trial: TrackedTrial) -> dict[str, Any]:
    """Return the settings of a trial, nested as in the scenario."""
    shared = {} if study.is_sweep else {key: value for key, value in study.scenario.items() if key != "algorithms"}
    entries = [entry for entry in study.scenario.get("algorithms") or () if isinstance(entry, dict)]
    own = next((entry for entry in entries if entry.get("label") == trial.label), {})
    return {**shared, **trial.hparams, "settings": own}


def _log_trial(run: Any, trial: TrackedTrial) -> None:
    """Log the curves of a trial, a row for each of its rounds, and its figures."""
    rows: list[dict[str, float]] = [{} for _ in trial.rounds["round"]]
    for over in OVER:
        run.define_metric(ACROSS[over], hidden=True)
        for row, across in zip(rows, trial.across(over), strict=True):
            row[ACROSS[over]] = across
    for curve in trial.curves():
        run.define_metric(curve.tag, step_metric=ACROSS[curve.over])
        for place, value in zip(curve.rows, curve.values, strict=True):
            rows[place][curve.tag] = value
    for row in rows:
        run.log(row)
    run.summary.update(trial.figures)


def _log_study(run: Any, study: Study) -> None:
    """Log what is of no single trial: figures, a table of all trials, the scenario, the report and the tables."""
    import wandb

    keys = list(dict.fromkeys(key for trial in study.trials for key in (*trial.hparams, *trial.figures)))
    data = [[{**trial.figures, **trial.hparams}.get(key) for key in keys] for trial in study.trials]
    run.log({"trials": wandb.Table(columns=keys, data=data, allow_mixed_types=True)})
    for image in study.images:
        run.log({f"figures/{image.stem}": wandb.Image(str(image))})
    for file in study.files:
        run.save(str(file), base_path=str(study.folder), policy="now")
