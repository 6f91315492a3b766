"""What a pass keeps for its way back is what autograd saves in a real run."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from simulator.learning.models.parts import Part
from simulator.learning.models.staged import Staged
from simulator.learning.models.weights import Weights
from tests.helpers.caches import forget
from tests.helpers.grids import grid
from tests.helpers.models import chain, pictures, staged, vit, weights_of
from tests.helpers.passes import KERNELS, saved

SAMPLES = 5
"""More than the batches that are traced: what a larger one keeps is computed."""


@pytest.mark.parametrize(
    ("train", "cuts", "attention"),
    grid(
        ("full", "linear", "bias", "prompt"),
        [(), (2,), (1, 3), (2, 4)],
        KERNELS,
        often=lambda train, cuts, attention: (train == "full") + (cuts == (1, 3)) + (attention == "fused") > 1,
    ),
)
def test_kept_bytes_are_what_autograd_saves(train: str, cuts: tuple[int, ...], attention: str) -> None:
    model, tensors = staged(vit(), train, prompts=2 if train == "prompt" else 0, attention=attention)
    weights = weights_of(tensors)
    x, _ = pictures(SAMPLES)
    for part in chain(model, weights, cuts):
        kept = part.sizes(x).kept
        wanted = saved(lambda part=part, x=x: part.forward(x), weights, attention) if part.learns else 0
        assert kept == wanted
        assert part.forward.cost(x).kept_bytes == kept
        assert part.loss_backward.cost(x, None).kept_bytes == 0
        x = part.infer(x)


def test_a_block_with_fused_attention_by_hand() -> None:
    batch, tokens, dim, heads = SAMPLES, 5, 16, 2
    model, _ = staged(vit(), "full", attention="fused")
    assert model.sizes(((1, 2),), (batch, tokens, dim)).kept == by_hand(batch, tokens, dim, heads)


def by_hand(batch: int, tokens: int, dim: int, heads: int) -> int:
    """Of one block with everything trained, in bytes at four a number."""
    rows = batch * tokens
    norms = 2 * (rows * dim + 2 * rows)  # input; mean and deviation of each row
    inputs = rows * dim + rows * dim + rows * dim + rows * 4 * dim  # of qkv, proj (attention's output), fc1, fc2
    attention = 3 * rows * dim + rows * heads  # q, k, v in one storage; one number a row and head
    gelu = rows * 4 * dim
    return 4 * (norms + inputs + attention + gelu)


def test_the_difference_grows_with_the_square_of_the_tokens() -> None:
    def kept(tokens: int, attention: str) -> int:
        model, _ = staged(vit(), "full", attention=attention)
        return model.sizes(((1, 2),), (1, tokens, 16)).kept

    def bend(attention: str) -> int:
        return kept(30, attention) - 2 * kept(20, attention) + kept(10, attention)

    assert bend("fused") == 0
    assert bend("math") == 4 * 2 * 2 * 10 * 10  # second difference of heads x T^2 numbers of four bytes


class Only(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.map = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        return self.map(x)


@pytest.mark.parametrize(("train", "kept"), [("weight", 4 * 7 * 6), ("bias", 0), ("nothing", 0)])
def test_a_linear_map_keeps_its_input_where_its_weight_is_trained(train: str, kept: int) -> None:
    model = Staged({"block0": Only(6, 3)}, lambda name: name.endswith(train))
    assert model.sizes(((0, 1),), (7, 6)).kept == kept


def test_a_linear_map_through_which_a_gradient_passes_keeps_nothing_but_its_weight() -> None:
    stages = {"block0": Only(6, 6), "block1": Only(6, 3)}
    model = Staged(stages, lambda name: name.startswith("block0"))
    assert model.sizes(((1, 2),), (7, 6)).kept == 0


@pytest.mark.parametrize("attention", ["math", "fused"])
def test_heads_count(attention: str) -> None:
    """Models whose parameters are alike but whose heads are not keep different amounts, one after the other too."""

    def kept(heads: int) -> int:
        model, _ = staged(vit(num_heads=heads), "full", attention=attention)
        return model.sizes(((1, 2),), (2, 5, 16)).kept

    after_another = [kept(heads) for heads in (2, 4)]
    forget()
    assert kept(4) == after_another[1] > after_another[0]


def test_the_peak_of_a_pass_is_what_it_keeps_and_its_largest_pair() -> None:
    model, tensors = staged(vit())
    part = Part(model, Weights(tensors), ((1, 3),))
    x = torch.randn(SAMPLES, 5, 16)
    pair = 4 * SAMPLES * 5 * (64 + 64)  # the activation between the two layers of the MLP
    assert part.infer.cost(x).peak_bytes == pair
    assert part.forward.cost(x).peak_bytes == part.sizes(x).kept + pair


def test_memory_that_is_taken_is_given_back() -> None:
    model, tensors = staged(vit())
    part = Part(model, Weights(tensors), ((1, 3),))
    x = torch.randn(SAMPLES, 5, 16)
    opened = part.forward(x)
    assert part.forward.cost(x).kept_bytes > 0
    assert part.forward.cost(x).kept_bytes + opened.backward.cost(opened.output).kept_bytes == 0


def test_resident_bytes_by_hand() -> None:
    """Weights once; of what is trained gradients and the optimizer's copies too."""
    from simulator.learning.optimizers.adamw import AdamW

    model, tensors = staged(vit(), "linear")
    part = Part(model, Weights(tensors, AdamW(), 0.1), ((4, 5),))
    norm, classifier = 4 * 2 * 16, 4 * (16 * 5 + 5)
    assert [size for _, _, size in part.resident()] == [norm + classifier + 3 * classifier]
    assert float(cross_entropy(part.infer(torch.randn(2, 5, 16)), torch.tensor([0, 1]))) > 0
