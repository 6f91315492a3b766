"""A cut is counted in blocks."""

import pytest

from simulator.learning.models.cuts import cut
from simulator.settings.errors import UnfitError
from tests.helpers.models import staged, vit


@pytest.mark.parametrize(
    ("prompts", "head", "tail", "names"),
    [
        (0, 0, 0, ["embed", "block0 block1 block2", "head"]),
        (0, 1, 1, ["embed block0", "block1", "block2 head"]),
        (0, 2, 0, ["embed block0 block1", "block2", "head"]),
        (2, 0, 2, ["embed prompt", "block0", "block1 block2 head"]),
        (2, 1, 0, ["embed prompt block0", "block1 block2", "head"]),
    ],
)
def test_head_body_and_tail_by_hand(prompts: int, head: int, tail: int, names: list[str]) -> None:
    model, _ = staged(vit(), "prompt" if prompts else "full", prompts)
    made = cut(model, head, tail)
    found = [" ".join(model.slice(ranges).stages) for ranges in (made.head, made.body, made.tail)]
    assert found == names
    assert " ".join(model.slice(made.short).stages) == f"{names[0]} {names[2]}"
    assert " ".join(model.slice(made.rest).stages) == f"{names[1]} {names[2]}"


@pytest.mark.parametrize(("head", "tail"), [(3, 0), (0, 3), (2, 1), (-1, 1), (1, -1), (9, 9)])
def test_at_least_one_block_is_left_for_the_body(head: int, tail: int) -> None:
    model, _ = staged(vit())
    with pytest.raises(UnfitError, match=f"head {head} and tail {tail} leave no block for the server: the model has 3"):
        cut(model, head, tail)
