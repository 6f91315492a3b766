"""Trials of language models: what is charged does not depend on values, and what is learned not on padding."""

from __future__ import annotations

from io import StringIO
from itertools import zip_longest
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from simulator.accounting.tables import Table
from simulator.experiments.sweep.run import run_points
from simulator.experiments.sweep.settings import Sweep
from simulator.experiments.trial.checkpoint_names import TrialNames
from simulator.experiments.trial.model import cut_off, load, strange_tokenizer
from simulator.experiments.trial.result import TrialResult
from simulator.experiments.trial.trial import Trial, run
from simulator.experiments.trial.validate import check, notices
from simulator.scenario.scenario import Scenario
from simulator.settings.errors import ScenarioError
from tests.helpers.resuming import differences, gone_on, recorded
from tests.helpers.small_trials import ENTRIES
from tests.helpers.text_trials import text_scenario
from tests.helpers.tokenizers import bert_tokenizer, write_table

KINDS = {
    "gpt2 classes": ("gpt2", "classification", "length"),
    "gpt2 tokens": ("gpt2", "next_token", "length"),
    "gpt2 choices": ("gpt2", "multiple_choice", "longest"),
    "bert": ("bert-base-uncased", "classification", "longest"),
    "llama": ("llama-3.2-1b", "next_token", "longest"),
}
QUICK = [
    ("fl-epochs", "gpt2 tokens"),
    ("v1-sent", "llama"),
    ("v2-exclusive", "bert"),
    ("sfp-random", "gpt2 classes"),
    ("fl-lora", "gpt2 choices"),
    ("psl", "gpt2 classes"),
]
REFUSED = {("sfp-all", kind) for kind in KINDS} | {("fl-prompt", kind) for kind in KINDS}  # prompts at the end
REFUSED |= {(label, kind) for label in ("psl", "epsl", "epsl-all", "sfpl", "sfpl-linear") for kind in list(KINDS)[2:]}
REFUSED |= {(label, kind) for label in ("epsl", "epsl-all") for kind in KINDS}  # gradients of texts are not added
LEARNS_TOKENS = [kind for kind, (_, task, _) in KINDS.items() if task != "classification"]
REFUSED |= {(label, kind) for label in ("psl", "frozen-decomposed") for kind in LEARNS_TOKENS}
REFUSED |= {("fl-stacked", "llama")}  # it has no fc1
INEXACT = {("sfp-easiest", kind) for kind in list(KINDS)[2:]}  # pruning decides how long the batches are
ALL = [(label, kind) for label in ENTRIES for kind in KINDS if (label, kind) not in REFUSED | INEXACT]


def told(outcome: TrialResult) -> list[Any]:
    """All charges of a trial."""
    tables = {name: list(table) for name, table in vars(outcome.ledger).items() if isinstance(table, Table)}
    return [tables, outcome.uses, outcome.client_peaks, outcome.server_peak, outcome.trainable_parameters]


def trial(settings: Scenario, dry: bool = False) -> TrialResult:
    return run(settings, settings.algorithms[0], 0, dry=dry)


@pytest.mark.parametrize(
    ("label", "kind"), [*QUICK, *(pytest.param(*pair, marks=pytest.mark.slow) for pair in ALL if pair not in QUICK)]
)
def test_dry_is_real(label: str, kind: str) -> None:
    settings = text_scenario(label, *KINDS[kind])
    check(settings)
    assert told(trial(settings, dry=True)) == told(trial(settings))


@pytest.mark.parametrize("kind", ["gpt2 tokens", "bert"])
def test_padding_to_the_longest_text_changes_no_answer_but_costs_less(kind: str) -> None:
    model, task, _ = KINDS[kind]
    fixed, longest = (trial(text_scenario("v1-sent", model, task, padding)) for padding in ("length", "longest"))
    assert longest.rounds[-1].score.loss == pytest.approx(fixed.rounds[-1].score.loss, rel=1e-5)
    sent = [sum(row.bytes for row in outcome.ledger.transfers) for outcome in (longest, fixed)]
    assert sent[0] < sent[1]


def several_rounds(label: str, kind: str) -> Scenario:
    """A trial of three rounds, in which clients come again."""
    training = {"rounds": 3, "clients_per_round": 2, "batch_size": 4, "optimizer": {"name": "adamw"}}
    return text_scenario(label, *KINDS[kind], training=training)


def test_what_runs_beside_changes_no_digit() -> None:
    """Round by round in one process, two trials come to what each comes to alone."""
    settings = [several_rounds(*pair) for pair in (("fl-lora", "llama"), ("v2-exclusive", "bert"))]
    alone, beside = ([Trial(one, one.algorithms[0], 0) for one in settings] for _ in range(2))
    for one in alone:
        one.run()
    for _ in zip_longest(*(one.rounds() for one in beside)):
        pass
    assert [differences(*pair) for pair in zip(alone, beside, strict=True)] == [[], []]


@pytest.mark.parametrize(
    ("label", "kind"),
    [("v1-linear", "bert"), pytest.param("fl-lora", "llama", marks=pytest.mark.slow), ("sfp", "llama")],
)
def test_a_trial_that_goes_on_ends_as_an_undisturbed_one(label: str, kind: str, tmp_path: Path) -> None:
    """Batches are padded to their longest text, in the features that are remembered, too, and where pruning chose by
    scores which texts are in them.
    """
    settings = several_rounds(label, kind)
    whole, files = recorded(settings, tmp_path / "checkpoint")
    assert differences(whole, gone_on(settings, tmp_path / "checkpoint", files[2])) == []


def test_the_features_of_choices_have_a_name_in_a_checkpoint() -> None:
    """Or the trial that goes on would compute them in other batches, with other last digits."""
    settings = several_rounds("v1-linear", "gpt2 choices")
    running = Trial(settings, settings.algorithms[0], 0)
    running.run()
    assert running.simulation is not None
    world, task = running.simulation.world, running.simulation.task
    names = TrialNames(world, task, world.clients[0].data.inputs, dict(task.backbone))
    names.look()
    cached = [source for source in task.model._derived.values() if vars(source).get("remembers")]
    assert any(source.source is task.test.choices.texts for source in cached)
    assert all(names.find(names.name(source)) is source for source in cached)


def test_what_cannot_take_texts_is_told() -> None:
    with pytest.raises(ScenarioError, match="joins the batches of several devices"):
        check(text_scenario("psl", padding="longest"))
    with pytest.raises(ScenarioError, match=r"phi is 0\.3: gradients would be added token by token"):
        check(text_scenario("epsl"))
    with pytest.raises(ScenarioError, match=r"epsl.*: it weighs batches by their samples"):
        check(text_scenario("psl", task="next_token"))
    with pytest.raises(ScenarioError, match=r"decomposed.*: batches are weighed by their samples"):
        check(text_scenario("frozen-decomposed", task="next_token"))
    training = {"rounds": 1, "clients_per_round": 2, "batch_size": 4, "augment": {}, "optimizer": {"name": "sgd"}}
    with pytest.raises(ScenarioError, match="images are augmented"):
        check(text_scenario("fl", training=training))
    with pytest.raises(ScenarioError, match="gpt2 takes texts, and digits has images"):
        check(text_scenario("fl", data={"name": "digits"}))
    with pytest.raises(ScenarioError, match="bundled takes images, and synthetic_text has texts"):
        check(text_scenario("fl").with_({"model": {"name": "bundled"}}))
    with pytest.raises(ScenarioError, match="no language model is called 'mini-lm'; did you mean \"minilm\""):
        check(text_scenario("fl").with_({"model": {"name": "mini-lm"}}))


def test_what_the_model_does_not_look_at_is_told() -> None:
    told = [*notices(text_scenario("fl").with_(model__image_size=64), dry=True)]
    assert told == ["model.image_size changes nothing: gpt2 takes texts"]
    images = {"name": "bundled", "length": 64, "padding": "longest"}
    told = [*notices(text_scenario("fl", data={"name": "digits"}).with_({"model": images}), dry=True)]
    assert told == [f"model.{key} changes nothing: bundled takes images" for key in ("length", "padding")]


@pytest.mark.parametrize(("label", "kind"), sorted(pair for pair in REFUSED if pair[1] in ("gpt2 tokens", "bert")))
def test_the_other_pairs_are_refused(label: str, kind: str) -> None:
    with pytest.raises(ScenarioError):
        check(text_scenario(label, *KINDS[kind]))


def test_texts_that_are_cut_off_are_counted() -> None:
    settings = text_scenario("fl").with_(model__length=8)
    long = int((load(settings).train.file_bytes() > 8 * 4).sum())  # a synthetic token counts as four bytes
    assert f"model.length: {long} of 36 texts to train with have more than 8 tokens" in next(notices(settings))
    assert not [line for line in notices(settings, dry=True) if "tokens" in line]
    choices = text_scenario("fl", task="multiple_choice").with_(model__length=4)
    assert "of 48 choices, each with its question, to test with have more than 4 tokens" in list(cut_off(choices))[1]


def test_a_sweep_tells_once_that_texts_are_cut_off(tmp_path: Path) -> None:
    base = text_scenario("fl").with_(model__length=8)
    sweep = Sweep.model_validate({"name": "lengths", "scenario": "none.yaml", "axes": {"model.length": [6]}})
    out = StringIO()
    run_points(sweep, base, out=tmp_path / "out", workers=1, console=Console(file=out, width=200), report=False)
    assert out.getvalue().count("Base scenario: model.length: ") == 2  # for training and for testing


def test_a_tokenizer_with_far_fewer_ids_than_trained_weights_is_told(tmp_path: Path) -> None:
    tokenizer = bert_tokenizer(tmp_path)
    table = write_table(tmp_path / "a.parquet", {"text": ["a", "b"], "label": [0, 1]})
    settings = text_scenario("fl", "gpt2").with_(
        data={"name": "text_parquet", "train": table, "test": table, "text": "text", "label": "label", "task": None},
        model={"name": "gpt2", "tokenizer": str(tokenizer), "length": 8},
    )
    (line,) = strange_tokenizer(settings)
    assert line.startswith("model.tokenizer: tokenizer.json knows 14 ids and gpt2 50,257: it may be the tokenizer of")
    assert not list(strange_tokenizer(settings.with_(model__pretrained=False)))


def test_an_encoder_cannot_predict_the_next_token() -> None:
    with pytest.raises(ScenarioError, match=r"data\.task is .next_token.: a bert model sees the whole text at once"):
        check(text_scenario("fl", "bert-base-uncased", "next_token"))
