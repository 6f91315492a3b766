"""`sfsim model`: the figures are those of hand calculation, and of a trial."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from typer.testing import CliRunner

from simulator.cli.entry import app
from simulator.experiments.plan.model_sheet import Cut, Sheet, sheet
from simulator.experiments.plan.sheet_counts import Counted
from simulator.experiments.trial.trial import run
from simulator.learning.models.staged import Staged
from simulator.learning.models.weights import Weights
from simulator.learning.optimizers.sgd import Sgd
from simulator.scenario.scenario import Scenario
from simulator.settings.errors import UnfitError

TOKENS, DIM = 197, 768
"""Of ViT-B/16 at 224 pixels."""
BLOCK = 2 * (12 * TOKENS * DIM**2 + 2 * TOKENS**2 * DIM)
"""FLOPs: qkv 3, projection 1 and MLP 8 products of D x D a token; two products over all pairs of tokens."""
PATCHES = 2 * 196 * 768 * DIM
BATCH = 8


@pytest.fixture(scope="module")
def base() -> Sheet:
    return sheet("vit_base_patch16_224", batch_size=BATCH)


def by_cut(found: Sheet) -> dict[tuple[int, int], Cut]:
    return {(cut.head, cut.tail): cut for cut in found.cuts}


def test_a_block_by_hand(base: Sheet) -> None:
    block = base.stages[1]
    assert block.name == "block0"
    assert block.parameters == block.trainable == 12 * DIM**2 + 13 * DIM
    assert block.forward_flops == BLOCK
    assert block.training_flops == 3 * BLOCK
    assert block.shape == (TOKENS, DIM)
    assert block.smashed_bytes == 4 * TOKENS * DIM


def test_a_block_as_published(base: Sheet) -> None:
    """papers.md, 1.5: 1.454 GMAC, 7.09 M parameters and 0.605 MB."""
    block = base.stages[1]
    assert block.forward_flops / 2e9 == pytest.approx(1.454, abs=5e-4)
    assert block.parameters / 1e6 == pytest.approx(7.09, abs=5e-3)
    assert block.smashed_bytes / 1e6 == pytest.approx(0.605, abs=5e-4)


def test_embedding_and_classifier_by_hand(base: Sheet) -> None:
    embed, head = base.stages[0], base.stages[-1]
    assert embed.forward_flops == PATCHES
    assert embed.training_flops == 2 * PATCHES, "nothing before it wants a gradient"
    assert embed.parameters == 768 * DIM + DIM + DIM + TOKENS * DIM
    assert head.forward_flops == 2 * DIM * 10
    assert head.parameters == 2 * DIM + DIM * 10 + 10
    assert head.shape == (10,)


def test_the_whole_is_its_stages(base: Sheet) -> None:
    for figure in ("parameters", "trainable", "forward_flops", "training_flops"):
        assert getattr(base.whole, figure) == sum(getattr(stage, figure) for stage in base.stages)
    assert base.whole.kept_bytes <= sum(stage.kept_bytes for stage in base.stages)
    assert len(base.stages) == 14


def test_cuts_by_hand(base: Sheet) -> None:
    cuts = by_cut(base)
    assert list(cuts) == [(head, 0) for head in range(12)] + [(head, 1) for head in range(11)]
    cut = cuts[2, 1]
    assert cut.parameters == sum(base.stages[at].parameters for at in (0, 1, 2, 12, 13))
    assert cut.forward_flops == PATCHES + 3 * BLOCK + 2 * DIM * 10
    assert cut.backward_flops == PATCHES + 6 * BLOCK + 4 * DIM * 10
    assert cut.bytes_up == cut.bytes_down == 2 * 4 * TOKENS * DIM
    peaks = [cuts[head, 0].peak_bytes for head in range(12)]
    assert peaks == sorted(set(peaks))


def test_a_frozen_backbone_costs_no_way_back() -> None:
    found = sheet("bundled", train="linear")
    assert found.whole.trainable == 128 * 10 + 10
    assert all(stage.kept_bytes == 0 for stage in found.stages[:-1])
    assert all(stage.training_flops == stage.forward_flops for stage in found.stages[:-1])
    cut = by_cut(found)[1, 0]
    assert (cut.backward_flops, cut.bytes_up, cut.bytes_down) == (2 * 128 * 10, 4 * 65 * 128, 4 * 65 * 128)


def test_prompts_are_a_stage_and_travel_with_the_tokens() -> None:
    found = sheet("bundled", train="prompt")
    assert [stage.name for stage in found.stages[:3]] == ["embed", "prompt", "block0"]
    assert found.whole.trainable == 4 * 128 + 128 * 10 + 10
    cut = by_cut(found)[1, 0]
    assert cut.bytes_up == cut.bytes_down == 2 * 4 * (65 + 4) * 128


def scenario(train: str, head: int, tail: int) -> Scenario:
    return Scenario.model_validate(
        {
            "name": "one-step",
            "world": {"provisioning": "preinstalled", "devices": [{"name": "h100"}], "server": {"name": "h100"}},
            "model": {"name": "bundled"},
            "data": {"name": "synthetic", "samples": BATCH, "test_samples": BATCH, "classes": 5},
            "training": {
                "rounds": 1,
                "clients_per_round": 1,
                "batch_size": BATCH,
                "train": train,
                "optimizer": {"name": "sgd"},
            },
            "algorithms": [{"name": "splitfed", "head": head, "tail": tail}],
        }
    )


@pytest.mark.parametrize(
    ("train", "head", "tail"), [("full", 1, 1), ("full", 4, 0), ("linear", 2, 1), ("bias", 0, 1), ("prompt", 3, 1)]
)
def test_a_cut_is_what_a_trial_charges(train: str, head: int, tail: int) -> None:
    cut = by_cut(sheet("bundled", classes=5, train=train, batch_size=BATCH))[head, tail]
    settings = scenario(train, head, tail)
    outcome = run(settings, settings.algorithms[0], seed=0, dry=True)
    device = {work.site for work in outcome.ledger.works} - {"server"}
    flops = sum(work.flops for work in outcome.ledger.works if work.site in device)
    tensors = [row for row in outcome.ledger.transfers if row.kind != "model"]
    assert flops == BATCH * (cut.forward_flops + cut.backward_flops)
    assert sum(row.bytes for row in tensors if row.target == "server") == BATCH * cut.bytes_up
    assert sum(row.bytes for row in tensors if row.source == "server") == BATCH * cut.bytes_down
    assert outcome.peak_client_memory_bytes == cut.peak_bytes


def counted_by(run: Callable[[], Sheet], monkeypatch: pytest.MonkeyPatch) -> Counted:
    """What counted a sheet."""
    seen: list[Counted] = []
    make = Counted.__init__

    def keep(self: Counted, model: Staged, weights: Weights, batch: tuple[int, ...]) -> None:
        make(self, model, weights, batch)
        seen.append(self)

    monkeypatch.setattr(Counted, "__init__", keep)
    run()
    (counted,) = seen
    return counted


def check_all(counted: Counted) -> None:
    """Of many equal blocks three are counted; that gives what counting all of them would."""
    for last in range(1, len(counted.model)):
        wanted = counted.model.sizes(((0, last),), counted.shapes[0])
        assert counted.sizes(0, last)._replace(pieces=wanted.pieces) == wanted


@pytest.mark.parametrize("train", ["full", "linear", "bias", "prompt"])
def test_alike_blocks_are_counted_once(train: str, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = counted_by(lambda: sheet("bundled", train=train, batch_size=2), monkeypatch)
    check_all(counted)
    stop = len(counted.model) - 1
    assert counted._kinds[stop - 1] == counted._kinds[stop - 2] == counted._kinds[stop - 3], "so it was put to use"


RESNET = {"layers": [1, 2, 5, 1], "channels": [8, 8, 12, 16], "stem_type": "deep", "stem_width": 4}


def test_a_resnet_is_cut_between_residual_blocks() -> None:
    found = sheet("resnet18", 32, classes=5, batch_size=2, keywords=RESNET)
    assert [stage.name for stage in found.stages] == ["embed", *(f"block{n}" for n in range(9)), "head"]
    block = found.stages[1]  # 8 maps of 8 x 8; two convolutions of 3 x 3, and batch norm's weights and biases
    assert (block.shape, block.smashed_bytes) == ((8, 8, 8), 4 * 8**3)
    assert block.forward_flops == 2 * 2 * 8**2 * 9 * 8**2
    assert block.training_flops == 3 * block.forward_flops
    assert block.parameters == block.trainable == 2 * 9 * 8**2 + 2 * 2 * 8
    cut = by_cut(found)[1, 1]
    assert cut.bytes_up == cut.bytes_down == 4 * 8**3 + 4 * 12 * 2 * 2
    assert list(by_cut(found)) == [(head, 0) for head in range(9)] + [(head, 1) for head in range(8)]


def test_a_resnet_has_the_size_that_it_was_made_for() -> None:
    assert sheet("resnet10t").image_size == 176


@pytest.mark.parametrize(
    "train", ["full", *(pytest.param(train, marks=pytest.mark.slow) for train in ("linear", "bias"))]
)
def test_alike_residual_blocks_are_counted_once(train: str, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = counted_by(lambda: sheet("resnet18", 64, train=train, batch_size=2, keywords=RESNET), monkeypatch)
    check_all(counted)
    assert counted._kinds[5] == counted._kinds[6] == counted._kinds[7], "so it was put to use"


def printed(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["model", *arguments])


def test_as_json() -> None:
    result = printed("bundled", "--json", "--batch-size", "4", "--train", "bias", "--classes", "7")
    assert result.exit_code == 0
    assert json.loads(result.output) == json.loads(json.dumps(sheet("bundled", 32, 7, "bias", 4).plain()))


def test_keywords() -> None:
    arguments = ["vit_tiny_patch16_224", "--image-size", "32", "--keyword", "depth=2", "--keyword", "patch_size=8"]
    result = printed(*arguments, "--json")
    assert json.loads(result.output)["keywords"] == {"depth": 2, "patch_size": 8}
    assert [stage["name"] for stage in json.loads(result.output)["stages"]] == ["embed", "block0", "block1", "head"]
    assert printed(*arguments).output.startswith("vit_tiny_patch16_224 (depth 2, patch_size 8): 32 x 32 pixels, ")


def test_as_tables() -> None:
    lines = printed("random", "--image-size", "64").output.splitlines()
    assert lines[0].startswith("random: 64 x 64 pixels, 10 classes, train: full, batches of 32")
    rows = {line.split()[0]: line.split() for line in lines if line.split()}
    assert rows["block3"][-7:-4] == ["257", "x", "128"]
    assert "whole" in rows
    assert "memory: peak of a batch" in lines[-1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bundeld"], 'did you mean "bundled"'),
        (["vit_bas_patch16_224"], 'did you mean "vit_base_patch16_224"'),
        (
            ["bundled", "--train", "liner"],
            '"liner" is not a way to train; did you mean "linear"? (allowed: full, linear, ',
        ),
        (["bundled", "--image-size", "30"], "into patches of 4 pixels"),
        (["resnet18", "--train", "prompt"], "prompts are tokens, and a ResNet has none: it works on feature maps"),
        (["seresnet18"], "'layer1.0.se' is a SEModule, which a plain ResNet does not have"),
        (["resnet18", "--keyword", "layrs=3"], "'resnet18' takes no such keyword; did you mean \"layers\"? (allowed: "),
        (["resnet18", "--keyword", "layers"], "--keyword layers: write it as KEY=VALUE, such as depth=4"),
        (["resnet18", "--keyword", "layers=[1"], "--keyword layers=[1, line 1: this is not complete, valid YAML"),
        (["vit_tiny_patch16_224", "--keyword", "img_size=4"], "img_size is not a keyword here: use image_size"),
        (["convnext_tiny"], "'convnext_tiny' is a ConvNeXt; a timm VisionTransformer, "),
    ],
)
def test_what_cannot_be_is_one_message(arguments: list[str], said: str) -> None:
    result = printed(*arguments)
    assert result.exit_code == 2
    assert result.output.startswith("sfsim: ")
    assert said in result.output
    assert result.output.count("\n") == 1


def test_an_unknown_way_to_train_from_python() -> None:
    with pytest.raises(UnfitError, match="not a way to train"):
        sheet("bundled", train="everything")


def test_plain_sgd_is_without_state() -> None:
    assert Sgd.model_validate({}).copies == 0
