"""Augmented batches: what crop and flip do, and that they depend on their key alone."""

from typing import Any

import numpy as np
import pytest
import torch

from simulator.learning.data.augmentation import Augmentation
from simulator.learning.data.images import Images
from simulator.learning.data.lazy import LazyBatch
from simulator.learning.data.shards import Shard
from simulator.settings.seeds import Seeds
from tests.helpers.models import CLASSES, chain, staged, vit, weights_of

BOTH = Augmentation(crop=2, flip=True)
PLAIN = ((0.0,) * 3, (1.0,) * 3)


def shard(augmentation: Augmentation | None = BOTH, samples: int = 10, dry: bool = False) -> Shard:
    pixels = torch.randint(0, 256, (20, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    images = Images(pixels, torch.arange(20) % CLASSES, PLAIN, dry)
    return Shard(images, torch.arange(5, 5 + samples), 4, Seeds(0), augmentation)


def padded(image: torch.Tensor, crop: int) -> np.ndarray:
    return np.pad(image.numpy(), ((0, 0), (crop, crop), (crop, crop)), mode="reflect")


@pytest.mark.parametrize("crop", [0, 1, 4, 6])
@pytest.mark.parametrize("flip", [False, True])
def test_each_image_is_cut_from_itself_reflected(crop: int, flip: bool) -> None:
    images = torch.randn(40, 2, 7, 9, generator=torch.Generator().manual_seed(0))
    found = set()
    for image, changed in zip(
        images, Augmentation(crop=crop, flip=flip).apply(images, np.random.default_rng(0)), strict=True
    ):
        large = padded(image, crop)
        cuts = {(y, x): large[:, y : y + 7, x : x + 9] for y in range(2 * crop + 1) for x in range(2 * crop + 1)}
        fits = [(at, turned) for at, cut in cuts.items() for turned in (False, True)
                if np.array_equal(changed.numpy(), cut[:, :, ::-1] if turned else cut)]  # fmt: skip
        assert fits
        found.add(min(fits, key=lambda fit: fit[1]))  # two places may mirror each other
    assert {turned for _, turned in found} == {False, flip}
    assert len(found) > min((2 * crop + 1) ** 2, 20) // 2
    assert all(place <= 2 * crop for at, _ in found for place in at)


def test_an_augmented_batch_depends_on_its_key_and_epoch_alone() -> None:
    def batches(*key: Any, epochs: int = 1) -> list[torch.Tensor]:
        return [batch.x for batch in shard().batches(key, epochs)]  # type: ignore[misc]

    torch.manual_seed(5)
    one, state = batches("train", 1, "a", epochs=2), torch.get_rng_state()
    torch.manual_seed(6)
    two = batches("train", 1, "a", epochs=2)
    assert all(torch.equal(x, y) for x, y in zip(one, two, strict=True))
    torch.manual_seed(5)
    assert torch.equal(torch.get_rng_state(), state), "the global stream was used"
    assert not torch.equal(batches("train", 2, "a")[0], one[0])
    assert not torch.equal(batches("train", 1, "b")[0], one[0])


def test_the_order_and_the_labels_are_those_without() -> None:
    changed = list(shard().batches(("train", 1, "a"), epochs=2))
    plain = list(shard(None).batches(("train", 1, "a"), epochs=2))
    assert all(torch.equal(one.y, two.y) for one, two in zip(changed, plain, strict=True))
    assert all(isinstance(batch.x, LazyBatch) for batch in plain)
    for one, two in zip(changed, plain, strict=True):  # colours stay, places change
        assert isinstance(two.x, LazyBatch)
        assert one.x.shape == two.x.shape
        assert not torch.equal(one.x, two.x.tensor())  # type: ignore[arg-type]


def test_no_change_gives_the_same_pixels() -> None:
    for one, two in zip(shard(Augmentation()).batches(("k",)), shard(None).batches(("k",)), strict=True):
        assert torch.equal(one.x, two.x.tensor())  # type: ignore[arg-type, union-attr]


def test_scores_look_at_plain_images_and_what_is_kept_is_augmented() -> None:
    data = shard()
    assert all(isinstance(batch.x, LazyBatch) for batch in data.in_order())
    assert all(isinstance(batch.x, torch.Tensor) for batch in data.keep(torch.tensor([0, 3])).batches(("k",)))


def test_a_dry_run_draws_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(Augmentation, "apply")
    for dry, plain in zip(shard(dry=True).batches(("k",)), shard(None).batches(("k",)), strict=True):
        assert dry.x.is_meta
        assert (dry.x.shape, dry.x.dtype) == (plain.x.shape, plain.x.dtype)


@pytest.mark.parametrize("train", ["full", "linear"])
def test_an_augmented_batch_is_never_remembered_and_gives_the_digits_of_its_tensor(train: str) -> None:
    results = []
    for remember in (True, False):
        model, tensors = staged(vit(embed_dim=32), train, remember=remember)
        head, tail = chain(model, weights_of(tensors), (3,))
        losses = []
        for batch in shard().batches(("train", 1, "a"), epochs=2):
            features = head.forward(batch.x).output
            losses.append(tail.loss_backward(features, batch.y).output)
        assert model._derived == {}
        results.append(torch.stack(losses))
    assert torch.equal(*results)
    assert not torch.equal(results[0][:3], results[0][3:])
