"""Logits of each family are those of the transformers library, from the weights that it saves."""

from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from simulator.learning.models.adaptation import Adaptation, adapted
from simulator.learning.models.parts import Part
from simulator.learning.models.prompts import Prompts
from simulator.learning.models.staged import Staged
from simulator.learning.models.stages import TRAINED, stages_of
from simulator.learning.models.text.build import build_text
from simulator.learning.models.text.model import TextModel
from simulator.settings.errors import UnfitError
from tests.helpers.models import chain, weights_of
from tests.helpers.passes import converse
from tests.helpers.texts import CLASSES, CONFIGS, LENGTH, SEPARATOR, staged_text, text_model, texts
from tests.helpers.transformers_models import SETTINGS, answers, reference, saved

pytest.importorskip("transformers")
DECODERS = [kind for kind in SETTINGS if kind.split()[0] in ("gpt2", "llama", "qwen2")]
CLOSE: dict[str, Any] = {"rtol": 1e-5, "atol": 1e-5}
PROMPTS = 3


def ours(model: Any, folder: Path, classes: int | None, **keywords: Any) -> TextModel:
    """Return our model with the weights of one of transformers'."""
    if model.config.model_type == "bert":
        keywords["separator"] = SEPARATOR
    name, weights = "somebody/something", str(saved(model, folder))
    return build_text(name, LENGTH, classes, weights=weights, keywords=keywords)


def run(model: TextModel, ids: Tensor) -> Tensor:
    with torch.no_grad():
        return nn.Sequential(*stages_of(model).values())(ids)


@pytest.mark.parametrize("kind", SETTINGS)
def test_classes_of_padded_texts(kind: str, tmp_path: Path) -> None:
    model, ids = reference(kind, "ForSequenceClassification"), texts()
    torch.testing.assert_close(run(ours(model, tmp_path, CLASSES), ids), answers(model, ids), **CLOSE)


def test_classes_of_pairs_of_sentences(tmp_path: Path) -> None:
    model, ids = reference("bert", "ForSequenceClassification"), texts(pairs=True)
    logits = run(ours(model, tmp_path, CLASSES), ids)
    torch.testing.assert_close(logits, answers(model, ids, pairs=True), **CLOSE)
    assert (logits - answers(model, ids)).abs().max() > 1e-3  # it matters which sentence a word is in


@pytest.mark.parametrize("kind", DECODERS)
def test_the_next_token(kind: str, tmp_path: Path) -> None:
    model, ids = reference(kind, "LMHeadModel" if kind == "gpt2" else "ForCausalLM"), texts()
    logits = run(ours(model, tmp_path, None), ids)
    torch.testing.assert_close(logits[ids >= 0], answers(model, ids)[ids >= 0], **CLOSE)


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_the_mean_of_all_tokens(kind: str, tmp_path: Path) -> None:
    model, ids = reference(kind, "ForSequenceClassification"), texts()
    real = ids >= 0
    with torch.no_grad():
        inner = getattr(model, kind)
        states = inner(ids.where(real, model.config.pad_token_id), attention_mask=real.long()).last_hidden_state
    own = ours(model, tmp_path, CLASSES + 1, pooling="mean")
    mean = torch.stack([rows[kept].mean(dim=0) for rows, kept in zip(states, real, strict=True)])
    torch.testing.assert_close(run(own, ids), own.head.head(mean), **CLOSE)


def with_prompts(model: TextModel, prompts: Tensor) -> nn.Sequential:
    stages = stages_of(model, PROMPTS)
    with torch.no_grad():
        stages["prompt"].tokens.copy_(prompts)
    return nn.Sequential(OrderedDict(stages))


@pytest.mark.parametrize("kind", ["gpt2", "llama scaled", "qwen2"])
def test_prompts_of_decoders_are_words_before_all_others(kind: str, tmp_path: Path) -> None:
    """transformers adds positions to all that it is given, and ours are a part of the prompts themselves."""
    model, ids = reference(kind, "LMHeadModel" if kind == "gpt2" else "ForCausalLM"), texts()
    words = model.get_input_embeddings().weight
    prompts = torch.randn(1, PROMPTS, 32, generator=torch.Generator().manual_seed(4))
    real = ids >= 0
    given = torch.cat([prompts.expand(len(ids), -1, -1), words[ids.clamp(min=0)]], dim=1)
    mask = torch.cat([torch.ones(len(ids), PROMPTS, dtype=torch.long), real.long()], dim=1)
    with torch.no_grad():
        wanted = model(inputs_embeds=given, attention_mask=mask).logits[:, PROMPTS:]
        places = model.transformer.wpe.weight[:PROMPTS] if kind == "gpt2" else 0
        got = with_prompts(ours(model, tmp_path, None), prompts + places)(ids)
    torch.testing.assert_close(got[real], wanted[real], **CLOSE)


@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_prompts_of_encoders_come_after_the_class_token(kind: str, tmp_path: Path) -> None:
    model, ids = reference(kind, "ForSequenceClassification"), texts()
    table, words = getattr(model, kind).embeddings, torch.tensor([11, 12, 13])
    real = ids >= 0
    longer = torch.cat([ids[:, :1], words.expand(len(ids), -1), ids[:, 1:]], dim=1)
    with torch.no_grad():
        start = 1 if kind == "bert" else 3
        places = torch.arange(start, start + PROMPTS)
        prompts = table(words[None], torch.zeros_like(words)[None], places[None])
        got = with_prompts(ours(model, tmp_path, CLASSES), prompts)(ids)
    torch.testing.assert_close(got, answers(model, longer), **CLOSE)
    assert real.sum() < ids.numel()


@pytest.mark.parametrize("kind", CONFIGS)
def test_new_prompts_are_words_in_their_places(kind: str) -> None:
    """A text that begins with these words has the tokens that the prompts start from."""
    model, prompts = text_model(kind), torch.empty(1, PROMPTS, 32)
    model.embed.draw_prompts(prompts, torch.Generator().manual_seed(6))
    ids = torch.randint(40, (PROMPTS,), generator=torch.Generator().manual_seed(6))
    first = [] if model.config.is_decoder else [torch.tensor(9)]
    with torch.no_grad():
        tokens = model.embed(torch.stack([*first, *ids])[None])[:, len(first) :]
    torch.testing.assert_close(prompts, tokens)


@pytest.mark.parametrize("classes", [CLASSES, None])
@pytest.mark.parametrize("kind", CONFIGS)
def test_rows_of_padding_stay_zero_and_change_nothing(kind: str, classes: int | None) -> None:
    if classes is None and not CONFIGS[kind].is_decoder:
        return
    ids = texts(2)
    longer = torch.cat([ids, torch.full((2, 3), -1)], dim=1)
    x, states = longer, []
    for stage in stages_of(text_model(kind, classes)).values():
        x = stage(x)
        states.append(x)
    for state in states[:-1]:
        assert torch.equal((state == 0).all(dim=-1), longer < 0)
    logits = run(text_model(kind, classes), ids)
    padded = x if classes else x[:, : ids.shape[1]]
    real = slice(None) if classes else ids >= 0
    torch.testing.assert_close(padded[real], logits[real], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("train", ["full", "prompt"])
@pytest.mark.parametrize("kind", CONFIGS)
def test_a_model_in_parts_is_the_whole(kind: str, train: str) -> None:
    """Tensors alone pass from head to body to tail, and each sees from them what is padding."""
    model, tensors = staged_text(kind, train)
    x: Any = texts()
    whole = Part(model, weights_of(tensors), model.whole).infer(x)
    for part in chain(model, weights_of(tensors), (2, len(model) - 1)):
        x = part.infer(x).clone()
    assert torch.equal(x, whole)


@pytest.mark.parametrize("kind", CONFIGS)
def test_gradients_in_parts_are_those_of_the_whole(kind: str) -> None:
    model, tensors = staged_text(kind)
    y = torch.tensor([0, 1, 2, 1])
    whole, wanted = converse(chain(model, weights_of(tensors), ()), texts(), y)
    loss, grads = converse(chain(model, weights_of(tensors), (2, len(model) - 1)), texts(), y)
    torch.testing.assert_close(loss, whole)
    assert grads.keys() == wanted.keys() == tensors.keys()
    for name, grad in grads.items():
        torch.testing.assert_close(grad, wanted[name], msg=lambda text, name=name: f"{name}: {text}")


def test_an_adapted_model_starts_from_its_prompts() -> None:
    """They follow from the seed, and only they and the classifier are trained."""
    trained = Adaptation(lambda name, stages: TRAINED["prompt"](name), Prompts(length=PROMPTS))
    (weights, model), (again, _), (other, _) = (adapted(text_model("bert"), trained, seed=seed) for seed in (1, 1, 2))
    assert model.names == ["embed", "prompt", "block0", "block1", "head"]
    assert model.slice(model.whole).trainable == ("prompt.tokens", "head.head.weight", "head.head.bias")
    assert torch.equal(weights["prompt.tokens"], again["prompt.tokens"])
    assert not torch.equal(weights["prompt.tokens"], other["prompt.tokens"])
    tokens = torch.empty(1, PROMPTS, 32)
    text_model("bert").embed.draw_prompts(tokens, torch.Generator().manual_seed(1))
    assert torch.equal(weights["prompt.tokens"], tokens)


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_text_that_is_empty_gives_numbers(kind: str) -> None:
    ids = torch.full((1, LENGTH), -1)
    assert run(text_model(kind), ids).isfinite().all()


def test_prompts_at_the_end_are_refused() -> None:
    with pytest.raises(UnfitError, match="texts end in padding") as caught:
        stages_of(text_model("gpt2"), 2, "end")
    assert caught.value.path == ("prompts", "place")


@pytest.mark.parametrize(
    ("length", "prompts", "left", "allowed"),
    [
        (12, 9, "too few", "at most 8, or a model.length of at most 11"),
        (20, 9, "none", "a model.length of at most 11"),
        (20, 20, "none", "a shorter model.length"),
    ],
)
def test_prompts_that_make_texts_too_long_are_refused(length: int, prompts: int, left: str, allowed: str) -> None:
    with pytest.raises(UnfitError, match=f"20 positions, of which texts of {length} tokens leave {left}") as caught:
        stages_of(TextModel(CONFIGS["gpt2"], length, 2), prompts)
    assert (caught.value.path, caught.value.allowed) == (("prompts", "length"), allowed)


def test_an_encoder_that_is_to_predict_the_next_token_is_refused() -> None:
    with pytest.raises(UnfitError, match="choose a decoder"):
        text_model("bert", classes=None)


def test_who_uses_one_token_says_so() -> None:
    pools = {kind: Staged(stages_of(text_model(kind)), TRAINED["full"]).pools_one_token for kind in CONFIGS}
    assert [kind for kind, one in pools.items() if not one] == ["mean"]
