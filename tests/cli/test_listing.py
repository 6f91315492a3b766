"""`sfsim list`: what there is, with marks and sources, quickly."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from simulator.cli import listing
from simulator.cli.entry import app
from simulator.learning.data.partition.dirichlet import Dirichlet
from simulator.learning.optimizers.sgd import Sgd
from simulator.scenario.hardware import entries
from simulator.settings.errors import ScenarioError
from simulator.settings.plugins import FAMILIES
from tests.helpers.places import ROOT


def shown(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["list", *arguments], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def row(output: str, name: str) -> list[str]:
    (found,) = (line.split() for line in output.splitlines() if line.split()[:1] == [name])
    return found


BOARD = """\
devices:
  board:
    rate: {fp32: {value: 2 GFLOP/s, mark: nominal}, fp16: 8 GFLOP/s}
    utilisation: {fp16: {value: 0.25, mark: assumed}, fp32: {value: 0.5, mark: fitted, source: a paper}}
    memory_bandwidth: {value: 1 GB/s, mark: recalled}
    power: {idle: {value: 1 W, mark: measured}}
"""


def test_a_device_with_its_marks_and_what_it_reaches_at_fp32(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(BOARD)
    output = shown("devices", "--match", "board", "--catalogue", str(tmp_path / "own.yaml"))
    assert row(output, "board") == ["board", "2", "GFLOP/s", "n", "0.5", "f", "1", "GB/s", "r", "1", "W", "m"]


def test_sources_show_what_is_reached_at_every_precision(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(BOARD)
    output = shown("devices", "--match", "board", "--sources", "--catalogue", str(tmp_path / "own.yaml"))
    assert row(output, "board.utilisation.fp32") == ["board.utilisation.fp32", "0.5", "fitted", "a", "paper"]
    assert row(output, "board.utilisation.fp16") == ["board.utilisation.fp16", "0.25", "assumed"]


@pytest.mark.parametrize("name", ["phone", "laptop", "jetson"])
def test_a_generic_name_says_which_device_it_stands_for(name: str) -> None:
    output = shown("devices", "--match", name)
    (meant,) = re.findall(rf"^the name {name} stands for (\S+) \(assumed: ", output, re.MULTILINE)
    assert row(output, name)[1:] == row(shown("devices", "--match", meant), meant)[1:]


def test_a_link_with_its_marks() -> None:
    assert row(shown("links"), "5g") == [
        "5g",
        "21.08",
        "Mbit/s",
        "m",
        "23.5",
        "ms",
        "d",
        "166.13",
        "Mbit/s",
        "m",
        "23.5",
        "ms",
        "d",
    ]


def test_the_legend_explains_every_mark() -> None:
    output = shown("links")
    for mark in listing.MARKS:
        assert f"{mark[0]}  {mark}: " in output


def test_sources_of_each_figure() -> None:
    output = shown("devices", "--match", "a100", "--sources")
    assert row(output, "a100.rate.bf16")[1:5] == ["312", "TFLOP/s", "nominal", "2026-11"]
    assert "NVIDIA's A100 data sheet" in output
    assert "h100" not in output


def test_a_catalogue_of_ones_own(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text("devices: {mine: {memory: 3 GiB}}\n")
    usual = entries()["defaults"]["device"]["utilisation"]
    wanted = ["mine", str(usual.value), usual.mark[0], "3", "GiB"]
    assert row(shown("devices", "--catalogue", str(own)), "mine") == wanted
    own.write_text("devices: {mine: {memory: 3}}\n")
    with pytest.raises(ScenarioError, match=r"own.yaml, line 1: devices.mine.memory is 3: it has no unit"):
        shown("devices", "--catalogue", str(own))


@pytest.mark.parametrize("what", FAMILIES)
def test_plug_ins(what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    output = shown(what)
    for name in FAMILIES[what].names():
        assert row(output, name)


def test_what_an_algorithm_is_and_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    output = shown("algorithms", "--match", "fedavg")
    summary = "FedAvg (McMahan et al., 2017, Algorithm 1): clients train the whole model, and the server averages."
    assert summary in output
    assert "prompts: {length: 4, place: after_class}" in shown("algorithms", "--match", "sfprompt")


def test_keys_and_defaults() -> None:
    assert listing.keys(Sgd) == {"learning_rate": "0.05", "momentum": "0.0", "weight_decay": "0.0"}
    assert listing.keys(Dirichlet) == {"alpha": "", "min_samples": "8"}


def test_models() -> None:
    output = shown("models", "--match", "base_patch16")
    assert row(output, "vit_base_patch16_384")[1] == "384"
    assert "large" not in output
    assert row(shown("models", "--match", "bundled"), "bundled")[1] == "32"
    assert row(shown("models", "--match", "random"), "random")
    assert row(shown("models", "--match", "gpt2-medium"), "gpt2-medium")[1:] == [
        "openai-community/gpt2-medium,",
        "for",
        "texts",
    ]
    assert row(shown("models", "--match", "resnet10t"), "resnet10t") == ["resnet10t", "176", "c3_in1k"]


def test_other_architectures_are_no_models_of_ours() -> None:
    names = listing.models()
    assert len(names) > 100
    assert {"vit_large_patch16_224", "deit_tiny_patch16_224", "resnet18", "resnet50_gn"} <= set(names)
    assert {"swin_tiny_patch4_window7_224", "mixer_b16_224"} <= set(names)
    assert not {"resnetv2_50", "convnext_tiny", "deit_tiny_distilled_patch16_224"} & set(names)
    assert not {"test_vit", "seresnet50", "resnetrs50", "resnetblur18", "resnext50_32x4d"} & set(names)


@pytest.mark.slow
def test_every_model_in_the_list_can_be_cut() -> None:
    from timm import get_pretrained_cfg

    from simulator.learning.models.build import build
    from simulator.learning.models.lazy import LazyModel
    from simulator.learning.models.stages import stages_of

    for name in listing.models():
        config, patch = get_pretrained_cfg(name), re.search(r"patch(\d+)", name)
        side = config.input_size[-1] if config else 224
        side -= side % int(patch[1]) if patch else 0  # timm leaves a margin of pixels out, which we refuse
        model = build(name, side, 10, seed=0, dry=True).model
        stages_of(model.model if isinstance(model, LazyModel) else model)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["device"],
            'there is no list of "device"; did you mean "devices"? There are devices, links, models, ',
        ),
        (["zzz"], 'there is no list of "zzz". There are devices, links, '),
        (["devices", "--match", "raspbery-pi-4"], 'no devices match "raspbery-pi-4"; did you mean "raspberry-pi-4"?'),
    ],
)
def test_bad_lists_are_one_message(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(app, ["list", *arguments])
    assert result.exit_code == 2
    assert result.output.startswith(f"sfsim: {said}")
    assert result.output.count("\n") == 1


def test_a_list_of_devices_loads_nothing_heavy() -> None:
    code = "import sys; from simulator.cli.entry import app\n"
    code += "app(['list', 'devices', '--sources'], standalone_mode=False)\n"
    code += "print({'torch', 'timm', 'numpy', 'pandas'} & set(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stderr.strip() == "set()"
