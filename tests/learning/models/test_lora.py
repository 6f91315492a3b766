"""LoRA: the same model at first, the change that the definition says, and its exact price."""

from collections.abc import Sequence

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import linear

from simulator.learning.models.adaptation import Adaptation, adapted
from simulator.learning.models.lora import Lora
from simulator.learning.models.parts import Part
from simulator.learning.models.prompts import Prompts
from simulator.learning.models.staged import Staged
from simulator.learning.models.stages import TRAINED, stages_of
from simulator.learning.models.stages.adapters import attach, merged, targets
from simulator.settings.errors import UnfitError
from tests.helpers.grids import grid
from tests.helpers.models import CLASSES, chain, pictures, resnet, vit, weights_of
from tests.helpers.passes import CUTS, compare
from tests.helpers.texts import text_model

WIDTH, BLOCKS, TOKENS, RANK = 16, 3, 5, 2
TARGETS: list[Sequence[str]] = [("q", "v"), ("v",), ("qkv", "fc1"), ("k", "proj", "fc2")]


def with_lora(settings: Lora, drawn: bool = True) -> tuple[Staged, dict[str, Tensor]]:
    """A small ViT with adapters; their B drawn at random, unless they are to change nothing yet."""
    tensors, model = adapted(vit(), Adaptation(lambda name, _: TRAINED["lora"](name), lora=settings))
    generator = torch.Generator().manual_seed(5)
    changed = {name: torch.randn(tensor.shape, generator=generator) for name, tensor in tensors.items() if is_b(name)}
    return model, {**tensors, **(changed if drawn else {})}


def is_b(name: str) -> bool:
    return ".lora." in name and name.endswith(".b")


def plain(tensors: dict[str, Tensor]) -> nn.Module:
    """The same ViT without adapters, with these weights."""
    module = nn.ModuleDict(stages_of(vit()))
    module.load_state_dict({name: tensor for name, tensor in tensors.items() if ".lora." not in name})
    return nn.Sequential(*module.values())


def output(model: Staged, tensors: dict[str, Tensor], x: Tensor) -> Tensor:
    return Part(model, weights_of(tensors), model.whole).infer(x)


@pytest.mark.parametrize("names", TARGETS, ids=str)
def test_at_first_adapters_change_nothing(names: Sequence[str]) -> None:
    x, _ = pictures(3)
    model, tensors = with_lora(Lora(rank=RANK, targets=names), drawn=False)
    torch.testing.assert_close(output(model, tensors, x), plain(tensors)(x))


@pytest.mark.parametrize("names", TARGETS, ids=str)
def test_merged_weights_compute_the_same_without_adapters(names: Sequence[str]) -> None:
    x, _ = pictures(3)
    model, tensors = with_lora(Lora(rank=RANK, alpha=5, targets=names))
    found = list(targets(nn.ModuleDict(model.stages)))
    folded = {**tensors, **merged(tensors, found)}
    expected = output(model, tensors, x)
    torch.testing.assert_close(plain(folded)(x), expected, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(plain(tensors)(x), expected, atol=1e-2)
    back = merged(folded, found, sign=-1)
    for name, weight in back.items():
        torch.testing.assert_close(weight, tensors[name], rtol=1e-4, atol=1e-5)


def test_the_change_is_alpha_over_rank_times_b_a() -> None:
    model, tensors = with_lora(Lora(rank=RANK, alpha=6, targets=("fc1",), blocks=(1, 1)))
    x = torch.randn(4, TOKENS, WIDTH)
    layer = model.stages["block1"].mlp.fc1
    start = "block1.mlp.fc1."
    mine = {name.removeprefix(start): tensor for name, tensor in tensors.items() if name.startswith(start)}
    expected = linear(x, mine["weight"], mine["bias"]) + 6 / RANK * x @ mine["lora.a"].T @ mine["lora.b"].T
    torch.testing.assert_close(functional_call(layer, mine, (x,)), expected)


@pytest.mark.parametrize(
    ("names", "cuts"),
    grid(TARGETS, CUTS, often=lambda names, cuts: cuts == CUTS[-1] or names == TARGETS[0]),
)
def test_flops_are_torchs_own_count(names: Sequence[str], cuts: tuple[int, ...]) -> None:
    model, tensors = with_lora(Lora(rank=RANK, targets=names))
    found = compare(chain(model, weights_of(tensors), cuts), pictures(3)[0])
    assert [ours for ours, _ in found] == [theirs for _, theirs in found]


@pytest.mark.parametrize(("names", "passes"), [(("q", "v"), 5), (("v",), 3)])
def test_in_the_first_block_attention_costs_only_the_gradients_that_somebody_wants(
    names: Sequence[str], passes: int
) -> None:
    model, _ = with_lora(Lora(rank=RANK, targets=names))
    cost = model.stage_costs(((1, 2),), (TOKENS, WIDTH))[0]
    attention = 2 * TOKENS * TOKENS * WIDTH  # one product over all heads
    linears = 2 * TOKENS * WIDTH * (3 + 1 + 4 + 4) * WIDTH  # qkv, proj, fc1, fc2
    adapter = 2 * TOKENS * RANK * 2 * WIDTH
    behind = linears - 2 * TOKENS * WIDTH * 3 * WIDTH  # the way back passes proj and the MLP, not the fused layer
    ways = adapter + adapter // 2 + adapter  # forward; gradients of A and B; of what B gets, for A
    assert cost.forward + cost.backward == linears + behind + passes * attention + len(names) * ways


def test_what_is_trained_is_counted_exactly() -> None:
    model, _ = with_lora(Lora(rank=RANK, targets=("q", "v", "fc2"), blocks=(1, 2)))
    whole = model.slice(model.whole)
    adapters = 2 * (2 * RANK * (WIDTH + WIDTH) + RANK * (4 * WIDTH + WIDTH))
    assert whole.trainable_bytes == 4 * (adapters + WIDTH * CLASSES + CLASSES)
    assert {name.split(".")[0] for name in whole.trainable} == {"block1", "block2", "head"}


def test_training_steps_adapters_and_classifier_alone() -> None:
    model, tensors = with_lora(Lora(rank=RANK))
    weights = weights_of(tensors)
    Part(model, weights, model.whole).train_step(*pictures(4))
    moved = {name for name in tensors if not torch.equal(weights[name], tensors[name])}
    assert moved == {name for name in tensors if TRAINED["lora"](name)}


def test_a_generator_of_its_own_draws_a() -> None:
    first, second = (adapted(vit(), lora_of(), seed=seed)[0]["block0.attn.lora.q.a"] for seed in (1, 2))
    state = torch.random.get_rng_state()
    again = adapted(vit(), lora_of(), seed=1)[0]["block0.attn.lora.q.a"]
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert torch.equal(state, torch.random.get_rng_state())
    assert first.abs().max() <= 1 / WIDTH**0.5


def lora_of(**settings: float) -> Adaptation:
    return Adaptation(lambda name, _: TRAINED["lora"](name), lora=Lora.model_validate({"rank": RANK, **settings}))


class TestDropout:
    def gradient(self, seed: int, rate: float = 0.5) -> Tensor:
        import numpy as np

        tensors, model = adapted(vit(), lora_of(dropout=rate))
        weights = weights_of(tensors)
        weights.random = np.random.default_rng(seed)
        done = Part(model, weights, model.whole).loss_backward(*pictures(4))
        return done.grads["block2.attn.lora.v.b"]

    def test_acts_in_training_by_a_stream_of_its_own(self) -> None:
        state = torch.random.get_rng_state()
        assert torch.equal(self.gradient(1), self.gradient(1))
        assert not torch.equal(self.gradient(1), self.gradient(2))
        assert torch.equal(self.gradient(1, rate=0.0), self.gradient(2, rate=0.0))
        assert torch.equal(state, torch.random.get_rng_state())

    def test_does_not_act_in_evaluation(self) -> None:
        x, _ = pictures(3)
        model, tensors = with_lora(Lora(rank=RANK, dropout=0.9))
        other, _ = with_lora(Lora(rank=RANK, dropout=0.0))
        assert torch.equal(output(model, tensors, x), output(other, tensors, x))


@pytest.mark.parametrize(
    ("settings", "key", "message"),
    [
        ({"targets": ["q", "value"]}, "targets", '"value" is not a linear layer of a block .*q, k, v, attn.qkv'),
        ({"blocks": [1, 3]}, "blocks", "the model has blocks 0 to 2"),
        ({"blocks": [3, None]}, "blocks", "the model has blocks 0 to 2"),
    ],
)
def test_what_a_model_cannot_have(settings: dict[str, object], key: str, message: str) -> None:
    with pytest.raises(UnfitError, match=message) as raised:
        attach(stages_of(vit()), Lora.model_validate(settings))
    assert raised.value.key == key


def test_the_first_block_must_not_come_after_the_last() -> None:
    assert Lora.model_validate({"blocks": [2, 2]}).blocks == (2, 2)
    with pytest.raises(ValidationError, match="the first comes after the last"):
        Lora.model_validate({"blocks": [2, 1]})


def test_a_resnets_blocks_have_no_linear_layers() -> None:
    with pytest.raises(UnfitError, match="no block has any"):
        attach(stages_of(resnet()), Lora())


@pytest.mark.parametrize(("train", "trained"), [("lora", False), ("bias", False), ("linear", True), ("full", True)])
def test_adapters_leave_the_language_model_head_as_it_is(train: str, trained: bool) -> None:
    """It comes with the model; a classifier in its place is new, and is trained."""
    adaptation = Adaptation.named(train, Prompts(), Lora(rank=RANK))
    for classes, expected in ((None, trained), (CLASSES, True)):
        _, model = adapted(text_model("llama", classes), adaptation)
        assert model.stages["head"].head.weight.requires_grad == expected
