"""A model in stages computes what timm computes, and what cannot be seen as stages is refused by name."""

from typing import Any

import pytest
import timm
import torch
from torch import nn

from simulator.learning.models.stages import FAMILIES, NotStagedError, Prompt, stages_of
from tests.helpers.models import pictures, vit

KINDS: dict[str, dict[str, Any]] = {
    "class token": {},
    "average and fc_norm": {"global_pool": "avg"},
    "average, norm before": {"global_pool": "avg", "fc_norm": False},
    "average, no class token": {"global_pool": "avg", "class_token": False},
    "average over the class token too": {"global_pool": "avg", "pool_include_prefix": True},
    "avgmax": {"global_pool": "avgmax"},
    "max": {"global_pool": "max"},
    "register tokens": {"reg_tokens": 3},
    "register tokens, average": {"reg_tokens": 3, "global_pool": "avg"},
    "no_embed_class": {"no_embed_class": True, "reg_tokens": 2},
    "CLIP-like": {"pre_norm": True, "norm_layer": nn.LayerNorm, "final_norm": True},
    "attention pooling": {"global_pool": "map"},
    "attention pooling, no class token": {"global_pool": "map", "class_token": False},
    "attention pooling over the class token too": {"global_pool": "map", "pool_include_prefix": True},
    "LayerScale": {"init_values": 0.1},
    "no position embedding": {"pos_embed": "none"},
    "normed queries, no biases": {"qk_norm": True, "qkv_bias": False, "proj_bias": False},
    "odd sizes": {"img_size": 42, "patch_size": 14, "embed_dim": 18, "num_heads": 3},
    "DINOv2-like": {"patch_size": 14, "img_size": 28, "init_values": 1e-5, "reg_tokens": 4, "no_embed_class": True},
}


@pytest.mark.parametrize("kind", KINDS)
def test_stages_in_a_row_are_the_model(kind: str) -> None:
    model = vit(**KINDS[kind])
    x, _ = pictures(3, side=KINDS[kind].get("img_size", 16))
    with torch.no_grad():
        wanted = model(x)
        got = nn.Sequential(*stages_of(model).values())(x)
    assert torch.equal(got, wanted)


def test_every_parameter_is_in_exactly_one_stage() -> None:
    model = vit(reg_tokens=2, init_values=0.1, global_pool="map", pre_norm=True)
    staged = [parameter for stage in stages_of(model).values() for parameter in stage.parameters()]
    assert sorted(map(id, staged)) == sorted(map(id, model.parameters()))


def by_hand(model: Any, x: torch.Tensor, prompts: torch.Tensor, place: str) -> torch.Tensor:
    """timm's own steps with prompts put among the tokens before the first block, and taken out before the pooling."""
    tokens = model.norm_pre(model.patch_drop(model._pos_embed(model.patch_embed(x))))
    count, prefix = prompts.shape[1], model.num_prefix_tokens
    added = prompts.expand(len(x), -1, -1)
    parts = [tokens[:, :prefix], added, tokens[:, prefix:]] if place == "after_class" else [tokens, added]
    tokens = model.norm(model.blocks(torch.cat(parts, dim=1)))
    keep = [*range(prefix), *range(prefix + count, tokens.shape[1])]
    tokens = tokens[:, keep] if place == "after_class" else tokens[:, :-count]
    return model.forward_head(tokens)


@pytest.mark.parametrize("place", ["after_class", "end"])
@pytest.mark.parametrize(
    "kind",
    [
        "class token",
        "average and fc_norm",
        "average, no class token",
        "avgmax",
        "register tokens, average",
        "attention pooling",
        "average over the class token too",
    ],
)
def test_prompts_are_seen_by_the_blocks_but_not_counted_by_the_pooling(kind: str, place: str) -> None:
    model, (x, _) = vit(**KINDS[kind]), pictures(3)
    stages = stages_of(model, prompts=4, place=place)  # type: ignore[arg-type]
    prompts = torch.randn(1, 4, 16, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        wanted, without = by_hand(model, x, prompts, place), model(x)
        stages["prompt"].tokens.copy_(prompts)
        got = nn.Sequential(*stages.values())(x)
    torch.testing.assert_close(got, wanted, rtol=1e-6, atol=1e-6)
    assert (got - without).abs().max() > 1e-3


def test_prompts_start_uniform_within_the_bound_of_vpt() -> None:
    prompt = Prompt(50, 16, at=1)
    stages_of(vit())["embed"].draw_prompts(prompt.tokens, torch.Generator().manual_seed(0))
    bound = (6 / (3 * 8 * 8 + 16)) ** 0.5
    assert 0.95 * bound < prompt.tokens.abs().max() <= bound
    assert abs(prompt.tokens.mean()) < 0.1 * bound


def test_another_family_is_refused() -> None:
    with torch.device("meta"):
        model = timm.create_model("mobilenetv3_small_050", num_classes=5)
    with pytest.raises(NotStagedError, match=f"MobileNetV3 is not {FAMILIES}"):
        stages_of(model)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"dynamic_img_size": True}, "dynamic image size"),
        ({"drop_rate": 0.1}, "dropout is not supported: set the rate of 'head_drop'"),
        ({"pos_drop_rate": 0.1}, "'pos_drop'"),
        ({"attn_drop_rate": 0.1}, r"'blocks\.0\.attn\.attn_drop'"),
        ({"proj_drop_rate": 0.1}, r"'blocks\.0\.attn\.proj_drop'"),
        ({"drop_path_rate": 0.1}, r"'blocks\.1\.drop_path1'"),
        ({"patch_drop_rate": 0.1}, "'patch_drop'"),
    ],
)
def test_what_stages_do_not_know_is_refused_by_name(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(NotStagedError, match=said):
        stages_of(vit(**settings))


@pytest.mark.parametrize("name", ["deit_tiny_distilled_patch16_224", "vit_tiny_r_s16_p8_224"])
def test_a_kind_of_vit_with_parts_of_its_own_is_refused(name: str) -> None:
    """The distilled DeiT has a second token and classifier, a hybrid a whole network before its patches."""
    with torch.device("meta"):
        model = timm.create_model(name, num_classes=5)
    with pytest.raises(NotStagedError):
        stages_of(model)
