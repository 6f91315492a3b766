"""Data as a scenario sees them: paths, one message for what is wrong, and what a run leaves of them."""

import io
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image
from pyarrow.parquet import ParquetFile

from simulator.experiments.trial import build, model, trial
from simulator.experiments.trial.result import TrialResult
from simulator.experiments.trial.validate import check
from simulator.learning.data.datasets.parquet import Parquet
from simulator.learning.modalities import ImageModality
from simulator.scenario.scenario import Scenario, load
from simulator.settings.seeds import Seeds
from tests.helpers.commands import Sfsim
from tests.helpers.images import encoded, png, write

NOISE = [
    Image.fromarray(np.random.default_rng(row).integers(0, 256, (8 + row, 8, 3), dtype=np.uint8)) for row in range(12)
]
BASE: dict[str, Any] = {
    "name": "tiny",
    "world": {"devices": [{"name": "raspberry-pi-4", "count": 2}], "server": {"name": "rtx-4090"}},
    "model": {"name": "random", "image_size": 8},
    "training": {
        "rounds": 1,
        "clients_per_round": 2,
        "batch_size": 4,
        "optimizer": {"name": "sgd", "learning_rate": 0.1},
    },
    "algorithms": [{"name": "fedavg"}],
}


def scenario(folder: Path, data: dict[str, Any], **changes: Any) -> Path:
    file = folder / "tiny.yaml"
    file.write_text(yaml.safe_dump({"data": data} | BASE | changes, sort_keys=False))
    return file


@pytest.fixture(autouse=True)
def _one_thread() -> Any:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def test_paths_are_relative_to_the_scenario_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    wanted = (write(tmp_path / "data" / "a.parquet", [0, 1]),)
    file = scenario(tmp_path, {"name": "parquet", "train": ["data/a.parquet"], "test": "data/a.parquet"})
    for place in (tmp_path, tmp_path.parent, tmp_path / "data"):
        monkeypatch.chdir(place)
        source = load(file).data.source
        assert isinstance(source, Parquet)
        assert source.train == source.test == wanted
    monkeypatch.setenv("HOME", str(tmp_path / "data"))
    assert load(file, ["data.train=~/a.parquet"]).data.source == source


def test_reading_a_scenario_loads_no_data_and_nothing_heavy(tmp_path: Path) -> None:
    sets: tuple[dict[str, Any], ...] = (
        {"name": "parquet", "train": "none", "test": "none"},
        {"name": "cifar10", "root": "none"},
        {"name": "folder", "path": "none"},
        {"name": "synthetic"},
        {"name": "synthetic_text"},
        {"name": "text_parquet", "train": "none", "test": "none"},
        {"name": "text_csv", "train": "none", "test": "none"},
        {"name": "text_files", "train": "none", "test": "none"},
        {"name": "sst2"},
    )
    training = BASE["training"] | {"augment": {"crop": 1}}
    named = [scenario(tmp_path, data, training=training).rename(tmp_path / f"{data['name']}.yaml") for data in sets]
    heavy = {"torch", "torchvision", "PIL", "pyarrow", "sklearn", "tokenizers", "datasets", "gguf"}
    code = (
        "import sys; from simulator.scenario.scenario import load\n"
        f"for file in {[str(file) for file in named]}:\n    load(file); print(file, {heavy} & set(sys.modules))"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == [f"{file} set()" for file in named]


def test_a_resolved_scenario_reads_the_same_data_from_anywhere(tmp_path: Path) -> None:
    one = load(scenario(tmp_path, {"name": "folder", "path": "../images", "test_fraction": 0.5}))
    again = tmp_path / "runs" / "scenario.yaml"
    again.parent.mkdir()
    again.write_text(one.resolved())
    assert load(again) == one
    assert load(again).resolved() == one.resolved()


def without_labels(file: bytes) -> bytes:
    """A Parquet file in which nothing but zeros is where its first labels were."""
    column = ParquetFile(io.BytesIO(file)).metadata.row_group(0).column(2)
    assert column.path_in_schema == "label"
    at = column.dictionary_page_offset or column.data_page_offset
    return file[:at] + bytes(column.total_compressed_size) + file[at + column.total_compressed_size :]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"name": "parquet", "train": "none.parquet", "test": "good.parquet"},
         "FOLDER/tiny.yaml, line 3: data.train: there is no file FOLDER/none.parquet"),
        ({"name": "parquet", "train": "text.parquet", "test": "good.parquet"},
         "line 3: data.train: FOLDER/text.parquet cannot be read as Parquet: Parquet file size is 4"),
        ({"name": "parquet", "train": "good.parquet", "test": "good.parquet", "image": "imgs"},
         'line 5: data.image is "imgs": FOLDER/good.parquet has no such column; did you mean "img"? (allowed: img, '),
        ({"name": "parquet", "train": "good.parquet", "test": "good.parquet", "classes": 3},
         "line 1: data.label: FOLDER/good.parquet, row 3 (from 0), has the label 3: there are 3 classes (allowed: 0 "),
        ({"name": "parquet", "train": "named.parquet", "test": "good.parquet"},
         "line 1: data.label: FOLDER/named.parquet, row 2 (from 0), has the label 2: there are 2 classes (allowed: 0 "),
        ({"name": "parquet", "train": "cut.parquet", "test": "good.parquet"},
         "line 3: data.train: FOLDER/cut.parquet cannot be read as Parquet: Parquet magic bytes not found in footer"),
        ({"name": "parquet", "train": "good.parquet", "test": "labels.parquet"},
         "line 4: data.test: FOLDER/labels.parquet cannot be read as Parquet: Couldn't deserialize thrift"),
        ({"name": "parquet", "train": "three.parquet", "test": "good.parquet"},
         'line 2: data.name: 1 of 4 classes are tested, but no training image shows them: "3"; train with images of '),
        ({"name": "folder", "path": "split"},
         'line 3: data.path: FOLDER/split has test images of class "bees", but no training images; did you mean "bee"'),
        ({"name": "parquet", "train": 3, "test": "good.parquet"}, "line 3: data.train.0 is 3: it must be text"),
        ({"name": "parquet", "train": [], "test": "good.parquet"}, "line 3: data.train is []: it must hold at least"),
        ({"name": "parquet", "test": "good.parquet"}, "line 1: data.train: it is missing"),
        ({"name": "parquet", "train": "good.parquet", "test": "good.parquet", "lable": "x"},
         'line 5: data.lable is "x": there is no such key; did you mean "label"?'),
        ({"name": "folder", "path": "images"}, "line 3: data.path: there is no folder FOLDER/images"),
        ({"name": "synthetic", "partition": {"name": "sizes", "sizes": [900, 101]}},
         'line 4: data.partition.name is "sizes": the sizes add up to 1001, and there are 1000 samples'),
        ({"name": "synthetic", "partition": {"name": "sizes", "sizes": [9]}}, "there are 2 clients, and sizes lists 1"),
        ({"name": "synthetic", "partition": {"name": "classes_per_client", "classes": 11}},
         "the data have 10 classes, and no client can have 11 of them"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("command", ["validate", "run"])
def test_bad_data_is_one_message(
    command: str,
    data: dict[str, Any],
    said: str,
    sfsim: Sfsim,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    good = Path(write(tmp_path / "good.parquet", [0, 1, 2, 3, 0, 1, 2, 3])).read_bytes()
    (tmp_path / "text.parquet").write_text("text")
    (tmp_path / "cut.parquet").write_bytes(good[: len(good) // 2])
    (tmp_path / "labels.parquet").write_bytes(without_labels(good))
    write(tmp_path / "three.parquet", [0, 1, 2, 0])
    told = {"info": {"features": {"label": {"names": ["ant", "bee"], "_type": "ClassLabel"}}}}
    write(tmp_path / "named.parquet", [0, 1, 2, 3], metadata={"huggingface": json.dumps(told)})
    for place in ("train/ant", "train/bee", "val/bees"):
        (tmp_path / "split" / place).mkdir(parents=True)
        (tmp_path / "split" / place / "0.png").write_bytes(png())
    monkeypatch.chdir(tmp_path)
    status, _, error = sfsim(command, scenario(tmp_path, data))
    assert status == 2
    assert said in error.replace(str(tmp_path), "FOLDER")
    assert error.count("\n") == 1
    assert not (tmp_path / "runs").exists()


def test_an_image_that_is_corrupt_stops_a_run_with_one_message(sfsim: Sfsim, tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", [0, 1, 0, 1], [png(), png(), b"\x89PNG broken", png()])
    file = scenario(tmp_path, {"name": "parquet", "train": "a.parquet", "test": "a.parquet"})
    status, _, error = sfsim("run", file, "--out", tmp_path / "out")
    assert status == 2
    assert re.search(r"data\.te?[a-z]+: .*a\.parquet, row 2 \(from 0\): it is not an image that can be read", error)
    assert not (tmp_path / "out").exists()
    assert sfsim("run", file, "--dry", "--out", tmp_path / "out")[0] == 0, "a dry run looks at no image"


@pytest.mark.parametrize("dry", [True, False])
def test_shipped_data_are_as_large_as_the_files(dry: bool, tmp_path: Path) -> None:
    """Each device's own images, as they are encoded, and 8 bytes a label."""
    images = [encoded(image, kind) for kind in ("PNG", "JPEG", "BMP") for image in NOISE]
    write(tmp_path / "a.parquet", [0, 1, 2] * (len(images) // 3), images)
    source = {"name": "parquet", "train": "a.parquet", "test": "a.parquet"}
    read = load(scenario(tmp_path, source, algorithms=[{"name": "centralized"}]))
    outcome = trial.run(read, read.algorithms[0], 0, dry)
    shares = build.partition(read, Seeds(0))
    wanted = {f"raspberry-pi-4-{n}": sum(len(images[i]) + 8 for i in share) for n, share in enumerate(shares)}
    assert {row.source: row.bytes for row in outcome.ledger.transfers} == wanted
    assert len(set(wanted.values())) == 2


def test_an_image_that_is_missing_where_data_are_shipped_is_one_message(sfsim: Sfsim, tmp_path: Path) -> None:
    """In a dry run too: it decodes no image, but asks how large each is."""
    images = [{"bytes": None if row == 2 else png(), "path": "gone.png"} for row in range(4)]
    write(tmp_path / "a.parquet", [0, 1, 0, 1], images)
    source = {"name": "parquet", "train": "a.parquet", "test": "a.parquet"}
    file = scenario(tmp_path, source, algorithms=[{"name": "centralized"}])
    status, _, error = sfsim("run", file, "--dry", "--out", tmp_path / "out")
    assert status == 2
    assert "data.train: " in error
    assert error.endswith("a.parquet, row 2 (from 0): there is no such image\n")
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["validate", "run"])
def test_a_figure_of_a_catalogue_without_a_unit_is_one_message(command: str, sfsim: Sfsim, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("devices:\n  raspberry-pi-4: {memory_bandwidth: 4}\n")
    file = scenario(tmp_path, {"name": "synthetic"}, world=BASE["world"] | {"catalogue": "own.yaml"})
    status, _, error = sfsim(command, file)
    assert status == 2
    assert "own.yaml, line 2: devices.raspberry-pi-4.memory_bandwidth is 4: it has no unit." in error
    assert error.count("\n") == 1


def test_a_crop_larger_than_the_image_is_refused(sfsim: Sfsim, tmp_path: Path) -> None:
    training = BASE["training"] | {"augment": {"crop": 8}}
    status, _, error = sfsim("validate", scenario(tmp_path, {"name": "synthetic"}, training=training))
    assert status == 2
    said = "training.augment.crop is 8: images of 8 x 8 pixels can be reflected by less than that (allowed: 0 to 7)"
    assert said in error
    assert error.count("\n") == 1


SYNTHETIC = {"name": "synthetic", "samples": 40, "test_samples": 20, "classes": 3}


def both_runs(folder: Path, **changes: Any) -> tuple[Scenario, TrialResult, TrialResult]:
    read = load(scenario(folder, SYNTHETIC, **changes))
    return read, *(trial.run(read, read.algorithms[0], 0, dry) for dry in (False, True))  # type: ignore[return-value]


@pytest.mark.parametrize(
    "entry",
    [
        {"name": "fedavg", "training": {"local_epochs": 2}},
        {"name": "splitfed", "training": {"train": "linear", "wire_dtype": "fp16"}},
        pytest.param({"name": "sfprompt"}, marks=pytest.mark.slow),
    ],
)
def test_augmentation_changes_what_is_learned_and_nothing_that_is_charged(tmp_path: Path, entry: Any) -> None:
    def outcomes(augment: Any) -> list[TrialResult]:
        training = entry.get("training", {}) | {"augment": augment}
        return list(both_runs(tmp_path, algorithms=[entry | {"training": training}])[1:])

    plain, changed, again = outcomes(None), outcomes({"crop": 2, "flip": True}), outcomes({"crop": 2, "flip": True})
    tables = [
        {name: table.arrow() for name, table in outcome.ledger.tables().items()}
        for outcome in (*plain, *changed, *again)
    ]
    assert all(table == tables[0] for table in tables)
    losses = [runs[0].rounds[-1].score.loss for runs in (plain, changed, again)]  # type: ignore[union-attr]
    assert losses[0] != losses[1] == losses[2]


def test_an_entry_may_leave_augmentation_out(tmp_path: Path) -> None:
    training = BASE["training"] | {"augment": {"crop": 2}}
    entries = [{"name": "fedavg", "label": "a"}, {"name": "fedavg", "label": "b", "training": {"augment": None}}]
    read = load(scenario(tmp_path, SYNTHETIC, training=training, algorithms=entries))
    assert [entry.training.augment is None for entry in read.algorithms] == [False, True]
    again = tmp_path / "again.yaml"
    again.write_text(read.resolved())
    assert load(again) == read


def test_data_are_read_once_for_all_trials_and_held_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[object] = []
    original = Parquet.load
    monkeypatch.setattr(Parquet, "load", lambda self: reads.append(self) or original(self))
    write(tmp_path / "a.parquet", [0, 1] * 10)
    data = {"name": "parquet", "train": "a.parquet", "test": "a.parquet"}
    read = load(scenario(tmp_path, data, seeds=[0, 1], algorithms=[{"name": "fedavg"}, {"name": "sfprompt"}]))
    check(read)
    for entry in read.algorithms:
        for seed in read.seeds:
            trial.run(read, entry, seed)
    assert len(reads) == 1
    modality = ImageModality(((0.5,) * 3, (0.5,) * 3), 32)
    one, two = (modality.inputs(model.load(read).train, dry=False) for _ in range(2))
    assert one.pixels.data_ptr() == two.pixels.data_ptr()


@pytest.mark.usefixtures("pictures")
def test_a_run_tells_who_has_which_samples(sfsim: Sfsim, tmp_path: Path) -> None:
    partition = {"name": "classes_per_client", "classes": 2}
    file = scenario(tmp_path, SYNTHETIC | {"partition": partition}, seeds=[3, 1])
    assert sfsim("run", file, "--dry", "--out", tmp_path / "out")[0] == 0
    told = pd.read_csv(tmp_path / "out" / "clients.csv")
    assert list(told.columns) == ["seed", "client", "device", "class", "class_name", "samples"]
    assert list(told["seed"].unique()) == [3, 1]
    assert set(told["client"]) == {"raspberry-pi-4-0", "raspberry-pi-4-1"}
    assert set(told["device"]) == {"raspberry-pi-4"}
    assert (told.groupby(["seed", "client"])["class"].nunique() == 2).all()
    assert (tmp_path / "out" / "figures" / "label_histogram.png").is_file()
    assert "Data of each device" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
