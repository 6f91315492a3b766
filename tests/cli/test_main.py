"""The command line: a mistake of the user's is one message, exit status 2, and nothing left behind."""

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.helpers.commands import SCENARIO, Sfsim, files


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is but a scenario."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(SCENARIO)


@pytest.fixture
def _no_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """They take longer than the run."""
    monkeypatch.setattr("analysis.write_report", lambda folder: None)


@pytest.mark.usefixtures("pictures")
def test_run_prints_a_table_and_leaves_a_report(sfsim: Sfsim, tmp_path: Path) -> None:
    status, out, err = sfsim("run", "tiny.yaml", "--jobs", 1, "--out", "here")
    assert (status, err) == (0, "")
    assert all(label in out for label in ("FL", "SFL", "SFP"))
    assert "here/report.html" in out.replace("\n", "")
    assert (tmp_path / "here" / "report.html").exists()


@pytest.mark.usefixtures("_no_pictures")
def test_a_dry_run_has_no_accuracy(sfsim: Sfsim, tmp_path: Path) -> None:
    status, _, err = sfsim("run", "tiny.yaml", "--dry")
    assert (status, err) == (0, "")
    assert '"final_accuracy": null' in (tmp_path / "runs" / "tiny-1" / "summary.json").read_text()


@pytest.mark.usefixtures("_no_pictures")
def test_a_folder_in_use_is_refused_without_force(sfsim: Sfsim, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "mine").write_text("x")
    status, _, err = sfsim("run", "tiny.yaml", "--dry", "--out", "here")
    assert (status, err.count("\n")) == (2, 1)
    assert "here exists and is not empty" in err
    assert "--force" in err
    assert files(tmp_path) == ["here", "here/mine", "tiny.yaml"]
    assert sfsim("run", "tiny.yaml", "--dry", "--out", "here", "--force")[0] == 0
    assert {"here/mine", "here/summary.json"} <= set(files(tmp_path))


def test_validate(sfsim: Sfsim, tmp_path: Path) -> None:
    status, out, err = sfsim("validate", "tiny.yaml")
    assert (status, err) == (0, "")
    assert out == "tiny.yaml is a valid scenario: 3 trials (FL, SFL, SFP) on 70 devices\n"
    assert files(tmp_path) == ["tiny.yaml"]


WRONG: dict[str, tuple[tuple[str, str] | str, str]] = {
    "unknown key": (("batch_size", "batch_sise"), 'did you mean "batch_size"?'),
    "unknown section": (("evaluation:", "evalution:"), 'did you mean "evaluation"?'),
    "wrong unit": (("20 Mbit/s", "20 Mbit"), 'did you mean "Mbit/s"?'),
    "no unit": (("20 Mbit/s", "20"), "it has no unit"),
    "zero bandwidth": (("20 Mbit/s", "0 Mbit/s"), "it is zero, and must be more than 0"),
    "more clients a round than clients": (
        ("clients_per_round: 2", "clients_per_round: 71"),
        "the world has 70 devices",
    ),
    "impossible cut": (("label: SFL, head: 1, tail: 1", "label: SFL, head: 3, tail: 3"), "the model has 6 blocks"),
    "impossible cut of another": (("label: SFP, head: 1, tail: 1", "label: SFP, head: 9, tail: 0"), "at most 5"),
    "blind short cut": (
        ("label: SFP, head: 1, tail: 1", "label: SFP, head: 0, tail: 0"),
        "never attends to the image, so it says nothing about it",
    ),
    "an empty shard": (("count: 40", "count: 1400"), "1400 samples do not suffice for 1430 clients"),
    "shards that cannot be dealt": (
        ("{name: digits}", "{name: digits, partition: {name: dirichlet, alpha: 0.01}}"),
        "use a larger alpha, a smaller min_samples or fewer clients",
    ),
    "unknown algorithm": (("name: sfprompt", "name: sfpromt"), 'did you mean "sfprompt"?'),
    "unknown model": (("name: random", "name: randum"), 'did you mean "random"?'),
    "unknown timm model": (("name: random", "name: vit_tiny_patch16_225"), 'did you mean "vit_tiny_patch16_224"?'),
    "another kind of model": (("name: random, image_size: 8", "name: resnetv2_50"), "or MlpMixer is wanted"),
    "a size that does not fit": (("image_size: 8", "image_size: 10"), "model.image_size is 10"),
    "unknown data": (("name: digits", "name: digit"), 'did you mean "digits"?'),
    "unknown device": (("raspberry-pi-4", "raspbery-pi-4"), 'did you mean "raspberry-pi-4"?'),
    "an optimizer's key": (("learning_rate", "learningrate"), 'did you mean "learning_rate"?'),
    "empty": ("", "the file is empty"),
    "binary": ("\x00\x01\x02", "this is not a text file"),
    "cut off": (SCENARIO[:200], "tiny.yaml, line"),
    "tagged": ("name: !!python/object/apply:os.system [ls]\n", "the tag"),
    "a list": ("- 1\n- 2\n", "the file must be a mapping"),
}


@pytest.mark.parametrize(
    ("command", "case"),
    [
        *(("run", case) for case in WRONG),
        *(
            ("validate", case)
            for case in ("unknown key", "impossible cut", "an empty shard", "unknown model", "tagged")
        ),
    ],
)
def test_a_mistake_is_one_message(case: str, command: str, sfsim: Sfsim, tmp_path: Path) -> None:
    change, said = WRONG[case]
    if isinstance(change, tuple):
        assert SCENARIO.count(change[0]) >= 1
        (tmp_path / "tiny.yaml").write_text(SCENARIO.replace(change[0], change[1], 1))
    else:
        (tmp_path / "tiny.yaml").write_text(change)
    status, out, err = sfsim(command, "tiny.yaml")
    assert (status, out) == (2, "")
    assert said in err
    assert err.startswith("sfsim: tiny.yaml")
    assert "Traceback" not in err
    assert err.count("\n") == 1 or case == "cut off"
    assert files(tmp_path) == ["tiny.yaml"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "tiny.yml"], "tiny.yml: there is no such file"),
        (["run", "."], "this is a folder"),
        (["run", "tiny.yaml", "--set", "training.rouns=1"], 'did you mean "rounds"?'),
        (["run", "tiny.yaml", "--set", "algorithms.SFLL.head=1"], 'did you mean "SFL"?'),
        (["run", "tiny.yaml", "--set", "training.rounds"], "write it as KEY=VALUE"),
        (["run", "tiny.yaml", "--set", "training.rounds=-1"], "it must be more than 0"),
        (["run", "tiny.yaml", "--set", "algorithms.SFP.keep_fraction=0"], "must be more than 0"),
        (["run", "tiny.yaml", "--out", "tiny.yaml"], "tiny.yaml is a file"),
        (["run", "tiny.yaml", "--out", "tiny.yaml/x"], "tiny.yaml/x cannot be written: what should be its folder"),
    ],
)
def test_wrong_arguments_are_one_message(arguments: list[str], said: str, sfsim: Sfsim, tmp_path: Path) -> None:
    status, out, err = sfsim(*arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1
    assert files(tmp_path) == ["tiny.yaml"]


@pytest.mark.parametrize("arguments", [["run"], ["rum", "tiny.yaml"], ["run", "tiny.yaml", "--drry"], ["validate"]])
def test_a_mistyped_command_is_refused(arguments: list[str], sfsim: Sfsim) -> None:
    status, _, err = sfsim(*arguments)
    assert status == 2
    assert "Traceback" not in err
    assert err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA GPU on this machine")
@pytest.mark.parametrize("command", ["run", "validate"])
def test_a_gpu_that_is_not_there(command: str, sfsim: Sfsim, tmp_path: Path) -> None:
    status, out, err = sfsim(command, "tiny.yaml", "--set", "torch_device=cuda")
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert "torch finds no CUDA GPU on this machine" in err
    assert files(tmp_path) == ["tiny.yaml"]


@pytest.mark.usefixtures("_no_pictures")
def test_a_dry_run_needs_no_gpu(sfsim: Sfsim) -> None:
    assert sfsim("run", "tiny.yaml", "--dry", "--set", "torch_device=cuda")[0] == 0


def test_published_weights_without_a_network(sfsim: Sfsim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import timm

    create = timm.create_model

    def offline(*arguments: Any, pretrained: bool, **settings: Any) -> Any:
        if pretrained:
            raise ConnectionError("Name or service not known")
        return create(*arguments, **settings)

    monkeypatch.setattr(timm, "create_model", offline)
    file = tmp_path / "tiny.yaml"
    file.write_text(SCENARIO.replace("{name: random, image_size: 8}", "{name: vit_tiny_patch16_224, image_size: 16}"))
    status, _, err = sfsim("run", "tiny.yaml", "--jobs", 1)
    assert (status, err.count("\n")) == (2, 1)
    assert "tiny.yaml, line 7: model.name" in err
    assert "could not be downloaded" in err
    assert files(tmp_path) == ["tiny.yaml"]


def test_ctrl_c_leaves_nothing(sfsim: Sfsim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from simulator.experiments.run import trials

    def interrupted(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(trials, "run_trial", interrupted)
    status, _, err = sfsim("run", "tiny.yaml", "--jobs", 1)
    assert status == 130
    assert err == "sfsim: stopped; nothing was written\n"
    assert files(tmp_path) == ["tiny.yaml"]


def test_a_defect_of_ours_is_not_taken_for_a_mistake_of_the_user(
    sfsim: Sfsim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from simulator.experiments.run import trials

    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError("ours")

    monkeypatch.setattr(trials, "run_trial", broken)
    with pytest.raises(ZeroDivisionError):
        sfsim("run", "tiny.yaml", "--jobs", 1)
    assert files(tmp_path) == ["tiny.yaml"]
