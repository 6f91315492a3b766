"""TensorBoard: an event file for each trial, in the folder ``tensorboard`` of the run or sweep."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from analysis.trackers.base import Tracker, quietly
from analysis.trackers.tables import figures_table
from simulator.settings.files import remove_unfinished, whole_folder

if TYPE_CHECKING:
    from analysis.trackers.study import Study, TrackedTrial

FOLDER = "tensorboard"
COMPARED = (
    *("settled_accuracy", "final_loss", "perplexity", "time_to_target_held_s", "sim_time_s", "bytes_up", "bytes_down"),
    *("client_energy_j", "server_energy_j", "cost_usd", "carbon_kg"),
)
"""The figures that the page of hyperparameters shows for each trial."""
_STRING, _VERSION = 7, "brain.Event:2"
_FEW = 12
"""At most so many values of a setting are offered as a choice; more of them, if they are numbers, as a range."""


class TensorBoard(Tracker):
    """TensorBoard (https://www.tensorflow.org/tensorboard), without TensorFlow and without torch.

    The step of a value is the round, or the whole number of seconds, bytes or joules over which the curve runs; its
    wall time is the simulated time, in seconds. The folder is written anew each time.
    """

    name: ClassVar[str] = "tensorboard"

    def send(self, study: Study) -> str:
        """Write the folder ``tensorboard``, in place of an earlier one."""
        remove_unfinished(study.folder, FOLDER)
        with quietly(), whole_folder(study.folder / FOLDER) as place:
            _write(place, _of_study(study))
            for trial in study.trials:
                _write(place / trial.name, _of_trial(study.title, trial))
        return f"TensorBoard: tensorboard --logdir {study.folder / FOLDER}"


def _write(folder: Path, events: Iterator[Any]) -> None:
    """Write events into a folder, which is made."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.summary.writer.record_writer import RecordWriter

    folder.mkdir(exist_ok=True)
    with (folder / "events.out.tfevents.0.sfsim").open("wb") as file:
        writer = RecordWriter(file)
        writer.write(Event(file_version=_VERSION).SerializeToString())
        for event in events:
            writer.write(event.SerializeToString())


def _of_trial(title: str, trial: TrackedTrial) -> Iterator[Any]:
    """Yield the events of a trial: its settings, its figures and its curves; ``title`` is that of its study."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams.summary_v2 import hparams_pb

    started = trial.ended - trial.figures.get("wall_time_s", 0.0)
    yield Event(summary=hparams_pb(trial.hparams, trial_id=f"{title}/{trial.name}", start_time_secs=started))
    end = trial.figures.get("sim_time_s", 0.0)
    for key, figure in trial.figures.items():
        value = Summary.Value(tag=f"summary/{key}", simple_value=figure)
        yield Event(wall_time=end, step=0, summary=Summary(value=[value]))
    for curve in trial.curves():
        for step, moment, number in zip(curve.steps, curve.seconds, curve.values, strict=True):
            value = Summary.Value(tag=curve.tag, simple_value=number)
            yield Event(wall_time=moment, step=step, summary=Summary(value=[value]))


def _of_study(study: Study) -> Iterator[Any]:
    """Yield the events of a study: what its trials differ in, its scenario and tables as text, and its figures."""
    from tensorboard.compat.proto.event_pb2 import Event
    from tensorboard.compat.proto.summary_pb2 import Summary

    ended = max(trial.ended for trial in study.trials)
    yield Event(wall_time=ended, summary=_differences(study.trials))
    table = figures_table([(trial.hparams, trial.figures) for trial in study.trials], COMPARED)
    scenario = study.folder / ("sweep.yaml" if study.is_sweep else "scenario.yaml")
    texts = {"scenario": f"```\n{scenario.read_text(encoding='utf-8')}\n```", "summary": table}
    texts["about"] = "\n".join(f"- {key}: {value}" for key, value in study.tags.items())
    for tag, text in texts.items():
        yield Event(wall_time=ended, summary=_text(tag, text))
    for image in study.images:
        data = image.read_bytes()
        width, height = struct.unpack(">II", data[16:24])  # of the header of a PNG
        shown = Summary.Image(width=width, height=height, colorspace=4, encoded_image_string=data)
        value = Summary.Value(tag=f"figures/{image.stem}", image=shown)
        yield Event(wall_time=ended, summary=Summary(value=[value]))


def _text(tag: str, text: str) -> Any:
    """Return the summary of a text in Markdown."""
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.compat.proto.tensor_pb2 import TensorProto
    from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
    from tensorboard.plugins.text.metadata import create_summary_metadata

    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=1)])
    tensor = TensorProto(dtype=_STRING, string_val=[text.encode()], tensor_shape=shape)
    metadata = create_summary_metadata(display_name=tag, description="")
    return Summary(value=[Summary.Value(tag=tag, metadata=metadata, tensor=tensor)])


def _differences(trials: Sequence[TrackedTrial]) -> Any:
    """Return the summary that says which settings and figures the page of hyperparameters has."""
    from tensorboard.plugins.hparams.summary_v2 import Discrete, HParam, Metric, RealInterval, hparams_config_pb

    settings = []
    for key in dict.fromkeys(key for trial in trials for key in trial.hparams):
        values = sorted({trial.hparams[key] for trial in trials if key in trial.hparams}, key=_in_order)
        numbers = all(isinstance(value, int | float) for value in values)
        kind: Callable[[Any], Any] = float if numbers else str
        values = list(dict.fromkeys(map(kind, values)))
        ranges = numbers and len(values) > _FEW
        settings.append(HParam(key, RealInterval(values[0], values[-1]) if ranges else Discrete(values)))
    there = [key for key in COMPARED if any(key in trial.figures for trial in trials)]
    metrics = [Metric(f"summary/{key}", display_name=key) for key in there]
    return hparams_config_pb(settings, metrics, time_created_secs=min(trial.ended for trial in trials))


def _in_order(value: object) -> tuple[bool, float, str]:
    number = isinstance(value, int | float)
    return not number, float(value) if isinstance(value, int | float) else 0.0, str(value)
