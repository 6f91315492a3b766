"""A Swin Transformer and an MLP-Mixer in stages are timm's, in digits, gradients and FLOPs, and can be split."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
from packaging.version import Version
from torch import nn
from torch.nn.functional import cross_entropy

from simulator.algorithms.base import Algorithm
from simulator.algorithms.fedavg import FedAvg
from simulator.algorithms.splitfed import SplitFed
from simulator.learning.models.cuts import cut
from simulator.learning.models.stages import NoTokensError, NotStagedError, stages_of
from tests.helpers.grids import grid
from tests.helpers.learners import go, training
from tests.helpers.models import chain, mixer, pictures, staged, swin, weights_of
from tests.helpers.passes import compare, converse

IDLE = "mlp_tokens.fc2.bias"
"""It adds the same to all channels of a token, and every norm takes that away again: its gradient is 0."""
Make = Callable[..., Any]
FAMILIES = pytest.mark.parametrize("make", [swin, mixer])
OF_MAXIMA = pytest.param(
    swin,
    {"global_pool": "max"},
    marks=pytest.mark.skipif(Version(timm.__version__) < Version("1.0.31"), reason="this timm refuses it"),
)
KINDS = [
    (swin, {}),
    (swin, {"img_size": 32, "window_size": 4, "depths": (2, 2, 1), "num_heads": (1, 2, 4)}),
    (swin, {"depths": (1, 1)}),  # no window is shifted
    OF_MAXIMA,
    (mixer, {}),
    (mixer, {"global_pool": "avg", "num_blocks": 1, "mlp_ratio": (2.0, 3.0)}),
]


@pytest.mark.parametrize(("make", "settings"), KINDS, ids=lambda given: getattr(given, "__name__", str(given)))
def test_stages_in_a_row_are_the_model(make: Make, settings: dict[str, Any]) -> None:
    model, (x, _) = make(**settings), pictures(3, side=settings.get("img_size", 16))
    with torch.no_grad():
        wanted = model(x)
        got = nn.Sequential(*stages_of(model).values())(x)
    assert torch.equal(got, wanted)


@FAMILIES
def test_every_parameter_is_in_exactly_one_stage(make: Make) -> None:
    model = make()
    parameters = [parameter for stage in stages_of(model).values() for parameter in stage.parameters()]
    assert sorted(map(id, parameters)) == sorted(map(id, model.parameters()))


@pytest.mark.parametrize("cuts", [(), (2,), (1, 3)], ids=str)
@pytest.mark.parametrize("train", ["full", "linear", "bias"])
@FAMILIES
def test_split_loss_and_gradients_are_those_of_timms_model(make: Make, train: str, cuts: tuple[int, ...]) -> None:
    model, tensors = staged(make(), train)
    x, y = pictures(6)
    loss, grads = converse(chain(model, weights_of(tensors), cuts), x, y)
    whole = make()
    wanted = cross_entropy(whole(x), y)
    wanted.backward()
    names = {id(p): name for name, p in nn.ModuleDict(OrderedDict(stages_of(whole))).named_parameters()}
    theirs = {names[id(p)]: p.grad for p in whole.parameters()}
    torch.testing.assert_close(loss, wanted.detach(), rtol=1e-6, atol=1e-6)
    assert set(grads) == set(model.slice(model.whole).trainable)
    assert len(grads) == {"full": len(theirs), "linear": 2}.get(train, len(grads))
    for name, grad in grads.items():
        torch.testing.assert_close(grad, theirs[name], rtol=1e-4, atol=1e-6)
        assert grad.abs().max() > 1e-6 or name.endswith(IDLE), f"{name}: a test that cannot fail"


@pytest.mark.parametrize("train", ["full", "linear"])
@FAMILIES
def test_flops_are_torchs_own_count(make: Make, train: str) -> None:
    model, tensors = staged(make(), train)
    found = compare(chain(model, weights_of(tensors), (2, 3)), pictures(2)[0])
    assert [ours for ours, _ in found] == [theirs for _, theirs in found]
    assert sum(theirs for _, theirs in found) > 0


def test_a_cut_of_a_swin_counts_its_blocks_and_the_merging_of_patches_is_of_the_block_that_follows() -> None:
    model, _ = staged(swin())
    assert model.names == ["embed", "block0", "block1", "block2", "block3", "head"]
    shapes = [cost.shape for cost in model.stage_costs(model.whole, (3, 16, 16))]
    assert shapes == [(8, 8, 8), (8, 8, 8), (8, 8, 8), (4, 4, 16), (4, 4, 16), (5,)]
    made = cut(model, 2, 1)
    assert [" ".join(model.slice(part).stages) for part in (made.body, made.tail)] == ["block2", "block3 head"]


def test_what_crosses_a_cut_of_a_mixer_are_tokens() -> None:
    model, _ = staged(mixer())
    shapes = [cost.shape for cost in model.stage_costs(model.whole, (3, 16, 16))]
    assert shapes == [(16, 16)] * 4 + [(5,)]


WHOLE, SPLIT = FedAvg(), SplitFed(head=1, tail=1)


@pytest.mark.parametrize(
    ("make", "algorithm", "dry"),
    grid((swin, mixer), (WHOLE, SPLIT), (False, True), often=lambda _, algorithm, dry: algorithm is SPLIT and not dry),
)
def test_they_are_trained_whole_and_split(make: Make, algorithm: Algorithm, dry: bool) -> None:
    run = go(algorithm, training(clients_per_round=2), clients=2, model=make, dry=dry)
    before = run.task.backbone
    assert {row.work for row in run.works()} >= {"train_step" if isinstance(algorithm, FedAvg) else "loss_backward"}
    if not dry:
        still = [name for name, tensor in run.trained.items() if torch.equal(tensor, before[name])]
        assert [name for name in still if not name.endswith(IDLE)] == []


def test_what_a_swin_derives_from_its_shape_is_no_weight_and_is_not_sent() -> None:
    run = go(FedAvg(), training(clients_per_round=1), clients=1, model=swin)
    whole = 4 * sum(parameter.numel() for parameter in swin().parameters())
    assert {row.bytes for row in run.transfers(kind="model")} == {whole}
    assert run.transfers(phase="provisioning") == []


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (swin, "prompts are tokens, and a SwinTransformer has none that all its windows see"),
        (mixer, "prompts are tokens, and an MlpMixer cannot take more than its patches"),
    ],
)
def test_they_take_no_prompts(make: Make, why: str) -> None:
    with pytest.raises(NoTokensError, match=why):
        stages_of(make(), prompts=2)


@pytest.mark.parametrize(
    ("make", "settings", "said"),
    [
        (swin, {"drop_rate": 0.1}, "set the rate of|set 'drop_rate' to 0"),
        (swin, {"drop_path_rate": 0.1}, r"set the rate of 'layers\.0\.blocks\.1\.drop_path1' to 0"),
        (swin, {"proj_drop_rate": 0.1}, r"set the rate of 'layers\.0\.blocks\.0\.attn\.proj_drop' to 0"),
        (mixer, {"drop_rate": 0.1}, "set the rate of 'head_drop' to 0"),
        (mixer, {"proj_drop_rate": 0.1}, r"set the rate of 'blocks\.0\.mlp_tokens\.drop1' to 0"),
        (mixer, {"drop_path_rate": 0.1}, r"set the rate of 'blocks\.0\.drop_path' to 0"),
    ],
)
def test_dropout_is_refused_by_name(make: Make, settings: dict[str, Any], said: str) -> None:
    with pytest.raises(NotStagedError, match=f"dropout is not supported: {said}"):
        stages_of(make(**settings))


def test_another_kind_of_mixer_is_refused() -> None:
    with torch.device("meta"):
        model = timm.create_model("resmlp_12_224", num_classes=5)
    with pytest.raises(NotStagedError, match="its blocks are ResBlock, and those of an MLP-Mixer are MixerBlock"):
        stages_of(model)
