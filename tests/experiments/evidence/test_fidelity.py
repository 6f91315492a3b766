"""Predictions beside measured seconds: which rows count as held out, the verdict, and the status of the command."""

from collections.abc import Callable
from pathlib import Path

import pytest

from simulator.experiments.evidence import fidelity
from simulator.experiments.evidence.fidelity import Compared, compare, held_out, verdicts, within
from simulator.experiments.evidence.fidelity_tables import sentences
from simulator.experiments.evidence.predicting import cost_of
from simulator.experiments.evidence.rows import Row
from tests.helpers.commands import Sfsim

BOARD = {"device": "board", "batch_size": 2, "image_size_or_length": 224, "seconds": 2.0, "source": "a paper"}
OWN = """\
devices:
  board:
    rate: {fp32: 1 GFLOP/s}
    utilisation: 1
    memory_bandwidth: 1000 TB/s
    memory: 4 GiB
    power: {idle: 1 W, compute: 1 W}
"""
HEADINGS = "device,model,task,train,batch_size,image_size_or_length,precision,seconds,source"


@pytest.fixture
def rows_of(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Compared]]:
    """Compare rows by model, of which some are marked as fitted, with predictions of one second each."""
    monkeypatch.setattr(fidelity, "read_rows", list)
    monkeypatch.setattr(fidelity, "predicted", lambda row: None if row.model == "convnext_tiny" else 1.0)

    def compared(*models: tuple[str, str], **changes: str) -> list[Compared]:
        given = BOARD | {"train": "full"} | changes
        return compare([Row.model_validate(given | {"model": model, "used": used}) for model, used in models])

    return compared


def test_a_row_of_an_architecture_that_was_fitted_is_not_held_out(rows_of: Callable[..., list[Compared]]) -> None:
    found = rows_of(("vit_tiny", "fitted"), ("deit_tiny_patch16_224", ""), ("resnet18", ""), ("convnext_tiny", ""))
    assert [row.used for row in found] == ["fitted", "fitted", "held out", "not modelled"]
    assert [row.architecture for row in found[:3]] == ["VisionTransformer", "VisionTransformer", "ResNet"]
    assert held_out(found) == [0.5], "of one second where two were measured"
    assert found[3].error is None


def test_an_architecture_is_fitted_at_any_precision(rows_of: Callable[..., list[Compared]]) -> None:
    rows = [row.row for row in rows_of(("vit_tiny", "fitted"))]
    half = Row.model_validate(BOARD | {"model": "vit_tiny", "train": "full", "precision": "fp16"})
    assert [row.used for row in compare([*rows, half])] == ["fitted", "fitted"]


def test_a_row_that_is_listed_counts_for_nothing(rows_of: Callable[..., list[Compared]]) -> None:
    found = rows_of(("bert-base-uncased", "listed"), ("roberta-base", ""))
    assert [(row.architecture, row.used) for row in found] == [("BERT", "listed"), ("BERT", "held out")]
    assert held_out(found) == [0.5]
    assert (verdicts(found)[0].held_out, verdicts(found)[0].listed) == (1, 1)
    assert "1 rows, absolute error 50 %" in "\n".join(sentences(found))


@pytest.mark.parametrize(
    ("errors", "wanted"),
    [((), True), ((0.15, 0.15, 0.35), True), ((0.16,), False), ((0.1, 0.1, 0.36), False)],
)
def test_the_bounds(errors: tuple[float, ...], wanted: bool) -> None:
    assert within(errors) == wanted


def test_a_device_is_tested_with_two_architectures_held_out(rows_of: Callable[..., list[Compared]]) -> None:
    one, two = (("resnet18", ""),), (("resnet18", ""), ("mixer_b16_224", ""))
    for models, seconds, words in ((one, 1.0, "not tested"), (two, 1.0, "within"), (two, 2.0, "outside")):
        (verdict,) = verdicts(rows_of(*models, seconds=seconds))
        assert verdict.words.startswith(words)
        assert (verdict.fitted, verdict.held_out, verdict.not_modelled) == (0, len(models), 0)


@pytest.mark.parametrize(("error", "status"), [(1.0, 0), (100.0, 1)])
def test_the_status_of_the_command_says_whether_rows_are_within_the_bounds(
    error: float, status: int, sfsim: Sfsim, tmp_path: Path
) -> None:
    """Without a limit of memory, two images of a ResNet-18 take 2 x 1.814 GMAC at 1 GFLOP/s (torchvision's card)."""
    own, rows = tmp_path / "own.yaml", tmp_path / "rows.csv"
    own.write_text(OWN)
    rows.write_text(f"{HEADINGS}\nboard,resnet18,inference,,2,224,fp32,{error * 2 * 2 * 1.814},a paper\n")
    found, out, err = sfsim("fidelity", str(rows), "--catalogue", str(own), "--out", str(tmp_path / "here"))
    assert (found, err) == (status, "")
    assert "held out" in out
    assert {"fidelity.csv", "fidelity.png", "fidelity.md"} == {path.name for path in (tmp_path / "here").iterdir()}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            f"{HEADINGS}\nboard,resnet18,inference,,2,224,fp32,1,a paper\n",
            'line 2: the catalogue has no device "board"',
        ),
        (f"{HEADINGS}\nraspberry-pi-4,resnet18,inference,,2,224,fp32,1,\n", "line 2: it has no source"),
        ("device\n", "bad.csv has no column model, batch_size, image_size_or_length"),
    ],
)
def test_bad_rows_are_one_message(text: str, said: str, sfsim: Sfsim, tmp_path: Path) -> None:
    (tmp_path / "bad.csv").write_text(text)
    status, out, err = sfsim("fidelity", str(tmp_path / "bad.csv"))
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("sfsim: ")
    assert said in err


@pytest.mark.parametrize(("task", "train", "passes"), [("inference", None, 1), ("training", "full", 3)])
def test_a_row_of_a_language_model_takes_tokens(task: str, train: str | None, passes: int) -> None:
    """Products of MiniLM: 6 blocks of 12 D^2 for each token and 2 T^2 D of attention; D is 384, T is 64."""
    row = Row.model_validate(
        BOARD | {"model": "minilm", "task": task, "train": train, "image_size_or_length": 64, "attention": "math"}
    )
    found = cost_of(row)
    assert found is not None
    macs = 2 * 6 * (64 * 12 * 384**2 + 2 * 64**2 * 384)
    assert found.flops == pytest.approx(passes * 2 * macs, rel=0.001)
