"""`sfsim model` for language models: the figures are those of hand calculation, and of a trial."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from simulator.cli.entry import app
from simulator.experiments.plan.model_sheet import Sheet, sheet
from simulator.experiments.trial.trial import run
from simulator.scenario.scenario import Scenario

TOKENS, DIM, WORDS = 128, 768, 50257
BLOCK = 2 * (12 * TOKENS * DIM**2 + 2 * TOKENS**2 * DIM)
"""FLOPs: queries, keys, values and output 4, MLP 8 products of D x D a token; two products over all pairs of tokens."""
BATCH, LENGTH = 4, 8
SHAPE = {"vocabulary": 90, "width": 16, "positions": 12, "mlp": 24, "blocks": 3, "heads": 2}


@pytest.fixture(scope="module")
def gpt2() -> Sheet:
    return sheet("gpt2", batch_size=BATCH)


def test_stages_by_hand(gpt2: Sheet) -> None:
    embed, block, head = gpt2.stages[0], gpt2.stages[1], gpt2.stages[-1]
    assert (embed.parameters, embed.forward_flops) == ((WORDS + 1024) * DIM, 0)
    assert block.parameters == 12 * DIM**2 + 13 * DIM
    assert (block.forward_flops, block.training_flops) == (BLOCK, 3 * BLOCK)
    assert block.smashed_bytes == 4 * TOKENS * DIM
    assert head.parameters == WORDS * DIM + 2 * DIM
    assert (head.forward_flops, head.shape) == (2 * TOKENS * DIM * WORDS, (TOKENS, WORDS))


def test_the_whole_is_as_published_and_its_embedding_is_in_both_stages(gpt2: Sheet) -> None:
    assert gpt2.whole.parameters == gpt2.whole.trainable == 124_439_808
    assert sum(stage.parameters for stage in gpt2.stages) - gpt2.whole.parameters == WORDS * DIM
    assert gpt2.shared_bytes == 4 * WORDS * DIM


def test_the_memory_of_a_cut_has_that_of_the_loss(gpt2: Sheet) -> None:
    """Head and tail without blocks: weights and gradients, what the norm keeps, and three times the logits."""
    logits = 4 * BATCH * TOKENS * WORDS
    weights = 4 * (2 * WORDS * DIM + 1024 * DIM + 2 * DIM)
    kept = gpt2.stages[0].kept_bytes + gpt2.stages[-1].kept_bytes
    assert gpt2.cuts[0].peak_bytes == 2 * weights + kept + 3 * logits


@pytest.mark.parametrize("train", ["lora", "linear"])
def test_a_shared_embedding_is_one_only_where_both_uses_are_alike(train: str) -> None:
    found = sheet("gpt2", train=train, batch_size=1, keywords=SHAPE)
    assert found.shared_bytes == (4 * SHAPE["vocabulary"] * SHAPE["width"] if train == "lora" else 0)
    assert found.stages[-1].trainable == (0 if train == "lora" else SHAPE["vocabulary"] * SHAPE["width"])


@pytest.mark.parametrize(
    ("settings", "length", "task", "classes"),
    [
        ({"name": "gpt2"}, 12, "next_token", None),
        ({"name": "gpt2", "length": 6}, 6, "next_token", None),
        ({"name": "gpt2", "train": "prompt"}, 8, "next_token", None),
        ({"name": "gpt2", "classes": 3}, 12, "classification", 3),
        ({"name": "gpt2", "task": "classification"}, 12, "classification", 10),
        ({"name": "minilm"}, 12, "classification", 10),
    ],
)
def test_the_setting_is_what_the_model_can(settings: dict[str, Any], length: int, task: str, classes: int) -> None:
    found = sheet(**settings, batch_size=1, keywords=SHAPE)
    assert (found.length, found.task, found.classes, found.image_size) == (length, task, classes, None)
    assert found.whole.shape == ((classes,) if classes else (length, SHAPE["vocabulary"]))


def one_step(train: str, entry: dict[str, Any]) -> Scenario:
    """One batch on one device, which has the frozen weights."""
    return Scenario.model_validate(
        {
            "name": "one-step",
            "world": {"provisioning": "preinstalled", "devices": [{"name": "h100"}], "server": {"name": "h100"}},
            "model": {"name": "gpt2", "length": LENGTH, "pretrained": False, "keywords": SHAPE},
            "data": {"name": "synthetic_text", "samples": BATCH, "test_samples": 4, "classes": 2, "task": "next_token"},
            "training": {
                "rounds": 1,
                "clients_per_round": 1,
                "batch_size": BATCH,
                "train": train,
                "optimizer": {"name": "sgd"},
            },
            "algorithms": [entry],
        }
    )


@pytest.mark.parametrize(("train", "head", "tail"), [("full", 1, 1), ("full", 0, 0), ("lora", 2, 0)])
def test_a_cut_is_what_a_trial_charges(train: str, head: int, tail: int) -> None:
    found = sheet("gpt2", train=train, batch_size=BATCH, keywords=SHAPE, length=LENGTH)
    (cut,) = (cut for cut in found.cuts if (cut.head, cut.tail) == (head, tail))
    settings = one_step(train, {"name": "splitfed", "head": head, "tail": tail})
    outcome = run(settings, settings.algorithms[0], seed=0, dry=True)
    flops = sum(work.flops for work in outcome.ledger.works if work.site != "server")
    sent = [row for row in outcome.ledger.transfers if row.kind != "model"]
    assert flops == BATCH * (cut.forward_flops + cut.backward_flops)
    assert sum(row.bytes for row in sent if row.target == "server") == BATCH * cut.bytes_up
    assert sum(row.bytes for row in sent if row.source == "server") == BATCH * cut.bytes_down
    assert outcome.peak_client_memory_bytes == cut.peak_bytes


@pytest.mark.parametrize(("train", "name"), [("full", "fedavg"), ("lora", "fedlora")])
def test_the_whole_model_takes_the_memory_that_a_trial_charges(train: str, name: str) -> None:
    found = sheet("gpt2", train=train, batch_size=BATCH, keywords=SHAPE, length=LENGTH)
    settings = one_step(train, {"name": name})
    assert run(settings, settings.algorithms[0], seed=0, dry=True).peak_client_memory_bytes == found.uncut_peak_bytes


def printed(*arguments: str) -> Any:
    keywords = [part for key, value in SHAPE.items() for part in ("--keyword", f"{key}={value}")]
    return CliRunner().invoke(app, ["model", *arguments, *keywords])


def test_as_json() -> None:
    result = printed("gpt2", "--json", "--length", "5", "--batch-size", "2")
    assert json.loads(result.output) == json.loads(
        json.dumps(sheet("gpt2", batch_size=2, keywords=SHAPE, length=5).plain())
    )


def test_as_tables() -> None:
    lines = printed("gpt2").output.splitlines()
    assert lines[0].startswith("gpt2 (vocabulary 90, ")
    text = " ".join(" ".join(lines).split())
    assert "): 12 tokens, next token, train: full, batches of 32" in text
    assert (
        "share the embedding of words (5.76 kB): uncut, as in the whole, it is one tensor, sent and kept once" in text
    )
    assert "A cut makes it two" in text
    assert "A cut makes it two" not in printed("gpt2", "--task", "classification").output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["gpt2", "--image-size", "32"], "gpt2 takes texts, which have a length and no image size"),
        (["bundled", "--length", "32"], "bundled takes images, which have an image size and no length"),
        (["bundled", "--task", "next_token"], "bundled takes images, whose classes it tells apart"),
        (["gpt2", "--task", "next_tokens"], '"next_tokens" is not a task of a model; did you mean "next_token"?'),
        (["gpt2", "--task", "next_token", "--classes", "4"], "a model that predicts the next token has no classes"),
        (["minilm", "--task", "next_token"], "cannot learn to predict the next token"),
        (["gpt2", "--length", "2048"], "the model has 12 positions, so 2048 tokens are too many"),
        (["gpt-2"], 'did you mean "gpt2"'),
    ],
)
def test_what_cannot_be_is_one_message(arguments: list[str], said: str) -> None:
    result = printed(*arguments)
    assert result.exit_code == 2
    assert result.output.startswith("sfsim: ")
    assert said in result.output
    assert result.output.count("\n") == 1
