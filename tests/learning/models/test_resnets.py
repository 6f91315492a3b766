"""A ResNet in stages is timm's ResNet in evaluation mode: its digits, gradients, FLOPs and memory."""

import copy
from collections import OrderedDict
from typing import Any

import pytest
import timm
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from simulator.algorithms.fedavg import FedAvg
from simulator.learning.models.cuts import cut
from simulator.learning.models.stages import NoTokensError, NotStagedError, stages_of
from simulator.settings.errors import UnfitError
from tests.helpers.grids import grid
from tests.helpers.learners import go, training
from tests.helpers.models import chain, pictures, resnet, staged, weights_of
from tests.helpers.passes import compare, converse, saved

GROUPED = {"norm_layer": "groupnorm", "channels": (64,) * 4, "stem_width": 32, "output_stride": 8}
"""Groups of two channels, and at least 2 x 2 places: a group of one number would be normalised to nothing."""
KINDS: dict[str, dict[str, Any]] = {
    "basic blocks": {},
    "bottlenecks": {"name": "resnet26"},
    "plain stem": {"stem_type": "", "stem_width": 64},
    "tiered stem, average on the short cut": {"stem_type": "deep_tiered", "avg_down": True, "stem_width": 8},
    "convolution for the stem's pooling": {"replace_stem_pool": True},
    "average against aliasing": {"aa_layer": nn.AvgPool2d},
    "group norm": GROUPED,
    "dilated": {"output_stride": 8},
    "wide": {"name": "resnet26", "base_width": 128},
    "pooled by maximum": {"global_pool": "max"},
    "pooled twice": {"global_pool": "catavgmax"},
    "timm's own small one": {"name": "test_resnet", "layers": (1, 1, 1, 1)},
}
SAME_OPERATIONS = ("basic blocks", "plain stem", "dilated", "wide", "pooled by maximum", "timm's own small one")
"""Kinds with no operation that another kind does not have."""
CUTS = [(), (3,), (1, 5), (2, 4, 6)]
TRAIN = ("full", "linear", "bias")


@pytest.mark.parametrize("side", [1, 8, 33])
@pytest.mark.parametrize("kind", KINDS)
def test_stages_in_a_row_are_the_model_at_any_size(kind: str, side: int) -> None:
    if kind == "average against aliasing":
        side = 64  # the one kind that wants an even number of places where it halves them
    model, (x, _) = resnet(**KINDS[kind]), pictures(3, side=side)
    with torch.no_grad():
        wanted = model(x)
        got = nn.Sequential(*stages_of(model.train()).values())(x)
    assert torch.equal(got, wanted)


def test_every_parameter_is_in_exactly_one_stage_and_no_tensor_is_whole_numbers() -> None:
    model = resnet()
    stages = nn.ModuleDict(stages_of(model))
    assert sorted(map(id, stages.parameters())) == sorted(map(id, model.parameters()))
    buffers = dict(stages.named_buffers())
    assert {name.rpartition(".")[2] for name in buffers} == {"running_mean", "running_var"}
    assert {tensor.dtype for tensor in stages.state_dict().values()} == {torch.float32}


def test_a_cut_counts_residual_blocks() -> None:
    model, _ = staged(resnet())
    assert model.names == ["embed", "block0", "block1", "block2", "block3", "block4", "head"]
    made = cut(model, 2, 1)
    found = [" ".join(model.slice(ranges).stages) for ranges in (made.head, made.body, made.tail)]
    assert found == ["embed block0 block1", "block2 block3", "block4 head"]
    with pytest.raises(UnfitError, match="the model has 5 blocks"):
        cut(model, 4, 1)


def test_what_crosses_a_cut_are_feature_maps() -> None:
    model, _ = staged(resnet())
    shapes = [cost.shape for cost in model.stage_costs(model.whole, (3, 32, 32))]
    assert shapes == [(8, 8, 8), (8, 8, 8), (8, 4, 4), (8, 4, 4), (12, 2, 2), (16, 1, 1), (5,)]


def norms(model: nn.Module) -> list[nn.Module]:
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]


def test_which_parameters_are_trained() -> None:
    plain = resnet()
    counts = {
        "full": sum(p.numel() for p in plain.parameters()),
        "linear": 16 * 5 + 5,
        "bias": sum(norm.bias.numel() for norm in norms(plain)) + 16 * 5 + 5,
    }
    for train, wanted in counts.items():
        model, tensors = staged(resnet(), train)
        part = model.slice(model.whole)
        assert sum(tensors[name].numel() for name in part.trainable) == wanted, train
        assert not [name for name in part.trainable if "running" in name]


def uncut(train: str, settings: dict[str, Any]) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss and gradients by torch alone, in evaluation mode."""
    model = nn.Sequential(OrderedDict(stages_of(resnet(**settings)))).double()
    x, y = pictures(6, dtype=torch.float64)
    loss = cross_entropy(model(x), y)
    loss.backward()
    wanted = {"full": "", "linear": "head.head.", "bias": "bias"}[train]
    return loss.detach(), {
        name: p.grad
        for name, p in model.named_parameters()
        if p.grad is not None and (wanted in name or name == "head.head.weight")
    }


@pytest.mark.parametrize("cuts", CUTS, ids=str)
@pytest.mark.parametrize("train", ["full", "linear", "bias"])
@pytest.mark.parametrize("settings", [{}, GROUPED, {"name": "resnet26"}], ids=["basic", "group norm", "bottleneck"])
def test_split_loss_and_gradients_are_those_of_the_uncut_model(
    settings: dict[str, Any], train: str, cuts: tuple[int, ...]
) -> None:
    model, tensors = staged(resnet(**settings), train)
    parts = chain(model, weights_of(tensors, dtype=torch.float64), cuts)
    loss, grads = converse(parts, *pictures(6, dtype=torch.float64))
    wanted_loss, wanted = uncut(train, settings)
    assert grads.keys() == wanted.keys()
    torch.testing.assert_close(loss, wanted_loss, rtol=0, atol=1e-10)
    for name, grad in wanted.items():
        torch.testing.assert_close(grads[name], grad, rtol=0, atol=1e-10)
        assert grad.abs().max() > 1e-6, f"{name}: a test that cannot fail"


@pytest.mark.parametrize(
    ("train", "cuts"), grid(TRAIN, CUTS, often=lambda train, cuts: "full" in train or cuts == (1, 5))
)
def test_flops_are_torchs_own_count(train: str, cuts: tuple[int, ...]) -> None:
    model, tensors = staged(resnet(), train)
    found = compare(chain(model, weights_of(tensors), cuts), pictures(2, side=32)[0])
    assert [ours for ours, _ in found] == [theirs for _, theirs in found]
    assert len(found) > len(cuts) + 1


@pytest.mark.parametrize("kind", grid(KINDS, often=lambda kind: kind not in SAME_OPERATIONS))
def test_flops_of_other_resnets(kind: str) -> None:
    model, tensors = staged(resnet(**KINDS[kind]))
    found = compare(chain(model, weights_of(tensors), (2, 4)), pictures(2, side=32)[0])
    assert [ours for ours, _ in found] == [theirs for _, theirs in found]
    assert sum(theirs for _, theirs in found) > 0


def test_flops_of_resnet50_are_what_others_count() -> None:
    """4.09 GMAC at 224 pixels and 1,000 classes, without what batch norm and pooling add (torchvision's model card)."""
    with torch.device("meta"):
        model, _ = staged(timm.create_model("resnet50"))
    assert model.sizes(model.whole, (1, 3, 224, 224)).forward / 2e9 == pytest.approx(4.09, abs=0.005)


KEPT = ("basic blocks", "bottlenecks", "plain stem", "group norm", "pooled by maximum")


@pytest.mark.parametrize(
    ("kind", "train", "cuts"),
    grid(
        KEPT,
        TRAIN,
        CUTS,
        often=lambda kind, train, cuts: (kind == KEPT[0]) + (train == "full") + (cuts == (1, 5)) > 1,
    ),
)
def test_kept_bytes_are_what_autograd_saves(kind: str, train: str, cuts: tuple[int, ...]) -> None:
    model, tensors = staged(resnet(**KINDS[kind]), train)
    weights = weights_of(tensors)
    x, _ = pictures(3, side=32)
    for part in chain(model, weights, cuts):
        wanted = 0
        if part.learns:
            wanted = saved(lambda part=part, x=x: part.forward(x), weights, "fused")
            if train != "linear":  # on meta batch norm keeps two numbers of each channel that a CPU does without
                wanted += sum(2 * 4 * norm.num_features for norm in norms(model.slice(part.ranges).module))
        assert part.sizes(x).kept == wanted
        x = part.infer(x)


def test_memory_of_a_block_by_hand() -> None:
    """Of a basic block with everything trained: what goes into each convolution and each batch norm, and what comes
    out at the end, for the last ReLU; each once."""
    model, _ = staged(resnet())
    images, maps = 3, 4 * 8 * 8 * 8
    sizes = model.sizes(((1, 2),), (images, 8, 8, 8))
    # conv1's input, conv1's output (of bn1), bn1's output (ReLU in place; conv2's input), conv2's output, the sum
    deviations = 2 * 2 * 4 * 8  # a mean and a deviation of each channel, of two batch norms
    assert sizes.kept == images * 5 * maps + deviations
    assert sizes.pair == images * 2 * maps + deviations // 2


def test_frozen_stages_are_remembered_with_the_same_digits() -> None:
    results = []
    for remember in (True, False):
        run = go(FedAvg(), training("linear", rounds=2), model=resnet, remember=remember)
        results.append(run.trained)
    assert all(torch.equal(results[0][name], results[1][name]) for name in results[0])


def test_a_client_trains_as_torch_does_in_evaluation_mode() -> None:
    """One client with one batch a round is centralised training: plain SGD on timm's model."""
    run = go(FedAvg(), training(rounds=2, clients_per_round=1), clients=1, samples=8, model=resnet)
    (client,) = run.clients
    plain = resnet()
    optimizer = torch.optim.SGD(plain.parameters(), lr=0.1)
    for number in (1, 2):
        (batch,) = client.data.batches(("train", number, client.name))
        optimizer.zero_grad()
        cross_entropy(plain(batch.x.tensor()), batch.y).backward()
        optimizer.step()
    for mine, theirs in (
        ("embed.bn1.weight", plain.bn1.weight),
        ("block1.conv2.weight", plain.layer2[0].conv2.weight),
        ("head.head.bias", plain.fc.bias),
    ):
        torch.testing.assert_close(run.trained[mine], theirs.detach(), rtol=1e-4, atol=1e-5)
        assert (theirs - resnet().get_parameter(WHERE[mine])).abs().max() > 1e-4


WHERE = {
    "embed.bn1.weight": "bn1.weight",
    "block1.conv2.weight": "layer2.0.conv2.weight",
    "head.head.bias": "fc.bias",
}


def test_running_statistics_are_sent_once_and_never_changed() -> None:
    run = go(FedAvg(), training(rounds=3, clients_per_round=2), clients=2, model=resnet)
    plain = resnet()
    statistics = 4 * sum(norm.running_mean.numel() + norm.running_var.numel() for norm in norms(plain))
    parameters = 4 * sum(p.numel() for p in plain.parameters())
    assert [row.bytes for row in run.transfers(phase="provisioning")] == [statistics] * 2
    assert {row.bytes for row in run.transfers(kind="model")} == {parameters}
    assert torch.equal(run.task.backbone["embed.bn1.running_mean"], plain.bn1.running_mean)
    assert torch.equal(run.task.backbone["block4.bn2.running_var"], plain.layer4[0].bn2.running_var)
    assert not any("running" in name for name in run.trained)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "grouped": ({"name": "resnext50_32x4d", "channels": (64,) * 4}, "'layer1.0.conv2' is a convolution in 32 groups"),
    "attention": ({"block_args": {"attn_layer": "se"}}, "'layer1.0.se' is a SEModule, which a plain ResNet does not"),
    "blurred": ({"name": "resnetblur18"}, "'maxpool.1' is a BlurPool2d, which"),
    "another activation": ({"act_layer": "silu"}, "'conv1.2' is a SiLU"),
    "dropout": ({"drop_rate": 0.1}, "set 'drop_rate' to 0"),
    "drop path": ({"drop_path_rate": 0.1}, "set the rate of 'layer2.0.drop_path' to 0"),
    "drop block": ({"drop_block_rate": 0.1}, "set the rate of 'layer3.0.drop_block' to 0"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_stages_do_not_know_is_refused_by_name(kind: str) -> None:
    settings, said = REFUSED[kind]
    with pytest.raises(NotStagedError, match=said.replace(".", r"\.")):
        stages_of(resnet(**settings))


def test_a_resnet_has_no_prompts() -> None:
    with pytest.raises(NoTokensError, match="prompts are tokens, and a ResNet has none: it works on feature maps"):
        stages_of(resnet(), prompts=4)


def test_resnets_that_differ_in_their_stride_alone_have_stages_of_other_costs() -> None:
    one, two = (staged(resnet(output_stride=stride))[0] for stride in (8, 32))
    shape = (1, 3, 32, 32)
    assert one.sizes(one.whole, shape).forward > two.sizes(two.whole, shape).forward


@pytest.mark.slow
def test_the_list_of_models_has_every_resnet_that_can_be_cut_and_no_other() -> None:
    from simulator.cli.listing import models

    listed = set(models())
    for name in timm.list_models(module="resnet"):
        with torch.device("meta"):
            model = timm.create_model(name, num_classes=5)
        if name in listed:
            stages_of(copy.deepcopy(model))
        else:
            with pytest.raises(NotStagedError):
                stages_of(model)
