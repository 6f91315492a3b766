"""Published models have as many parameters as recalled, and three of them the shapes that transformers knows."""

import pytest
import torch
from torch import nn

from simulator.learning.models.adaptation import Adaptation, adapted
from simulator.learning.models.stages import stages_of
from simulator.learning.models.text.build import build_text, is_text
from simulator.learning.models.text.config import keywords_of
from simulator.learning.models.text.presets import PRESETS
from simulator.settings.errors import UnfitError
from tests.helpers.texts import VOCABULARY

PARAMETERS = {
    "gpt2": 124_439_808,
    "gpt2-medium": 354_823_168,
    "gpt2-large": 774_030_080,
    "gpt2-xl": 1_557_611_200,
    "distilgpt2": 81_912_576,
    "bert-base-uncased": 109_482_240,
    "bert-large-uncased": 335_141_888,
    "minilm": 22_713_216 - 384 * 385,  # without the pooler, which a mean does not need
    "roberta-base": 124_645_632,
    "roberta-large": 355_359_744,
    "distilroberta-base": 82_118_400,
    "llama-3.2-1b": 1_235_814_400,
    "llama-3.2-3b": 3_212_749_824,
    "smollm2-135m": 134_515_008,
    "smollm2-360m": 361_821_120,
    "smollm2-1.7b": 1_711_376_384,
    "tinyllama": 1_100_048_384,
    "qwen2.5-0.5b": 494_032_768,
    "qwen2.5-1.5b": 1_543_714_304,
}
"""As their cards say (recalled, not verified), a tied head counted once and a classifier not at all."""
SMALL = {"vocabulary": VOCABULARY, "width": 32, "blocks": 2, "heads": 2, "mlp": 48}


@pytest.mark.parametrize("name", PRESETS)
def test_parameters(name: str) -> None:
    config = PRESETS[name].config
    model = build_text(name, 8, None if config.is_decoder else 2, dry=True)
    uncounted = model.head.head if config.tied else nn.Identity()
    assert sum(map(torch.numel, model.parameters())) - sum(map(torch.numel, uncounted.parameters())) == PARAMETERS[name]


def test_whose_configuration_transformers_starts_from() -> None:
    transformers = pytest.importorskip("transformers")
    from simulator.learning.models.text.hub_config import from_config_json

    for kind, name in (("GPT2", "gpt2"), ("Bert", "bert-base-uncased"), ("Roberta", "roberta-base")):
        usual = getattr(transformers, f"{kind}Config")().to_dict()
        if kind == "Roberta":  # the library has other defaults than what was published
            usual |= {"vocab_size": 50265, "max_position_embeddings": 514, "type_vocab_size": 1, "layer_norm_eps": 1e-5}
        assert from_config_json(usual) == PRESETS[name].config


@pytest.mark.parametrize("name", ["gpt2", "bert-base-uncased", "roberta-base", "smollm2-135m", "qwen2.5-0.5b"])
def test_new_weights_follow_from_the_seed_alone(name: str) -> None:
    keywords = {**SMALL, "kv_heads": 1} if name == "smollm2-135m" else SMALL
    before = torch.random.get_rng_state()
    one, again, other = (
        dict(build_text(name, 8, 3, seed, pretrained=False, keywords=keywords).named_parameters()) for seed in (5, 5, 6)
    )
    assert torch.equal(torch.random.get_rng_state(), before)
    for key, tensor in one.items():
        assert torch.equal(tensor, again[key])
        assert torch.equal(tensor, other[key]) == ("norm" in key or key.endswith("bias"))


def test_new_weights_are_drawn_as_the_family_starts() -> None:
    """What a block of GPT-2 adds to its tokens is smaller by the root of twice the number of blocks."""
    model = build_text("gpt2", 8, None, pretrained=False, keywords={**SMALL, "width": 128, "mlp": 512})
    deviation = {name: p.std().item() for name, p in model.named_parameters() if p.ndim == 2}
    for name, found in deviation.items():
        residual = name.endswith(("attn.o.weight", "mlp.fc2.weight"))
        assert found == pytest.approx(0.01 if residual else 0.02, rel=0.05), name
    assert torch.equal(model.head.head.weight, model.embed.tokens.weight)
    assert model.head.head.weight is not model.embed.tokens.weight


def test_a_dry_model_is_one_object_that_nothing_changes() -> None:
    models = [build_text("gpt2", 8, 3, pretrained=False, dry=True, keywords=SMALL) for _ in range(2)]
    assert models[0] is models[1]
    stages_of(models[0], prompts=2)
    assert models[0].embed.offset == 0
    weights, staged = adapted(models[0], Adaptation(lambda name, stages: True))
    assert staged.names == ["embed", "block0", "block1", "head"]
    assert all(tensor.is_meta for tensor in weights.values())


@pytest.mark.parametrize(
    ("keywords", "problem"),
    [
        ({"widht": 4}, 'did you mean "width"'),
        ({"theta": 4}, "takes no such keyword"),
        ({"heads": 5}, "5 heads do not divide a width of 768"),
        ({"blocks": 0}, "it is no value of this keyword"),
        ({"blocks": 1001}, "it is no value of this keyword"),
        ({"width": True}, "it is no value of this keyword"),
        ({"epsilon": 0.0}, "it is no value of this keyword"),
    ],
    ids=str,
)
def test_keywords_that_do_not_fit_are_refused(keywords: dict[str, object], problem: str) -> None:
    with pytest.raises(UnfitError, match=problem) as caught:
        build_text("gpt2", 8, 2, pretrained=False, dry=True, keywords=keywords)
    assert caught.value.path == ("keywords", next(iter(keywords)))


def test_heads_of_keys_that_do_not_divide_are_refused() -> None:
    with pytest.raises(UnfitError, match="5 heads of keys do not divide 9 heads of queries"):
        build_text("smollm2-135m", 8, 2, pretrained=False, dry=True, keywords={"kv_heads": 5})


def test_keywords_that_change_the_shape_need_other_weights() -> None:
    with pytest.raises(UnfitError, match="with width 'gpt2' has another shape than its published weights"):
        build_text("gpt2", 8, 2, dry=True, keywords={"width": 384, "epsilon": 1e-6})


def test_texts_longer_than_the_positions_are_refused() -> None:
    with pytest.raises(UnfitError, match="512 positions, so 513 tokens are too many") as caught:
        build_text("roberta-base", 513, 2, dry=True)
    assert caught.value.allowed == "at most 512"


def test_each_family_has_keywords_of_its_own() -> None:
    assert "separator" in keywords_of("bert")
    assert "separator" not in keywords_of("roberta")
    assert "kv_heads" in keywords_of("llama")
    assert "family" not in keywords_of("gpt2")


def test_which_names_are_of_language_models() -> None:
    of_images = ("bundled", "vit_tiny_patch16_224", "hf-hub:timm/resnet18.a1_in1k", "hf_hub:a/b", "timm/resnet18")
    assert [name for name in ("gpt2", "org/model", *of_images) if is_text(name)] == ["gpt2", "org/model"]
