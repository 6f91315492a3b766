"""Where one way overtakes another: laws of the search, and hand formulas for bytes."""

from __future__ import annotations

import math
from typing import Any

import pytest

from simulator.experiments.plan.answers import answers
from simulator.experiments.plan.break_even import Meeting, fastest, first, meeting, pushed
from simulator.experiments.plan.cuts import points
from simulator.experiments.plan.rounds import Planner
from simulator.scenario.scenario import Scenario
from tests.helpers.text_trials import text_scenario


@pytest.mark.parametrize("threshold", [2, 3, 57, 99, 100])
@pytest.mark.parametrize("guess", [2, 50, 100])
def test_the_first_is_found_whatever_the_guess(threshold: int, guess: int) -> None:
    assert first(lambda number: number >= threshold, 1, 100, guess) == threshold


def test_there_may_be_no_first() -> None:
    assert first(lambda number: number >= 101, 1, 100, 50) is None


def test_a_good_guess_needs_few_questions() -> None:
    asked: list[int] = []

    def holds(number: int) -> bool:
        asked.append(number)
        return number >= 5000

    assert first(holds, 1, 10_000, 5000) == 5000
    assert len(asked) <= 3


def line(fixed: float, sent: float) -> Any:
    return lambda speed: fixed + sent / speed


def test_lines_cross_where_they_do() -> None:
    """100 + 1 / s, 10 + 4 / s and 1 + 40 / s cross at s = 1 / 30 and s = 4; the third is never ahead below 4."""
    found = fastest([line(100, 1), line(10, 4), line(1, 40)])
    assert [each.place for each in found] == [0, 1, 2]
    assert [each.until for each in found] == pytest.approx([1 / 30, 4, 10**1.5], rel=0.01)


def test_one_that_is_always_ahead() -> None:
    assert [each.place for each in fastest([line(2, 3), line(1, 2), line(1, 2)])] == [1]


def test_what_is_no_line_is_found_as_well() -> None:
    """max(5, 4 / s) and 2 + 6 / s cross where 2 + 6 / s = 5."""
    found = fastest([lambda speed: max(5, 4 / speed), line(2, 6)])
    assert [each.place for each in found] == [0, 1]
    assert found[0].until == pytest.approx(2, rel=0.01)


def scenario(image_size: int = 32, model: str = "random", **entry: Any) -> Scenario:
    return Scenario.model_validate(
        {
            "name": "plan",
            "world": {"devices": [{"name": "raspberry-pi-4", "count": 2}], "server": {"name": "a100"}},
            "model": {"name": model, "image_size": image_size, "pretrained": False},
            "data": {"name": "synthetic", "samples": 40, "test_samples": 10, "classes": 10},
            "training": {"rounds": 3, "clients_per_round": 1, "batch_size": 32, "optimizer": {"name": "sgd"}},
            "algorithms": [{"name": "fedavg"}, {"name": "sfprompt", **entry}],
        }
    )


def met(settings: Scenario) -> Meeting:
    return meeting(Planner(settings), settings.algorithms[1], settings.algorithms[0])


BLOCK = 12 * 768**2 + 13 * 768
VIT_BASE = 12 * BLOCK + 768 * 16 * 16 * 3 + 768 + 198 * 768 + 2 * 768 + 10 * 768 + 10
"""Parameters of ViT-B/16 at 224 pixels, ten classes: blocks, patches, class token and positions, norm, classifier."""


def test_vit_base_by_arithmetic() -> None:
    """Up and down, FL sends |W|; SFPrompt the tail and the prompts, and twice the tokens of each sample.

    Without tail and prompts that is |W| / (2 q) = 284 samples.
    """
    tokens = (197 + 1) * 768  # with one prompt
    own = 2 * 768 + 10 * 768 + 10 + 768  # norm and classifier; the prompt
    by_hand = math.ceil((VIT_BASE - own) / (2 * tokens))
    assert math.ceil((VIT_BASE) / (2 * 197 * 768)) == 284
    settings = scenario(
        224, "vit_base_patch16_224", head=1, tail=0, keep_fraction=1.0, prompts={"length": 1}, local_epochs=0
    )
    assert met(settings) == Meeting(by_hand, by_hand)


def test_pruned_samples_are_not_pushed() -> None:
    """Of n samples floor(n / 4) go through the split, each twice."""
    whole = met(scenario(keep_fraction=1.0))
    quarter = met(scenario(keep_fraction=0.25, split_epochs=2))
    assert whole.samples == whole.pushed
    assert whole.pushed is not None
    kept = math.ceil(whole.pushed / 2)
    assert quarter == Meeting(4 * kept, 2 * kept)


def test_clients_push_their_own_samples_whatever_their_cuts() -> None:
    """A ResNet's smashed data are smaller behind deeper cuts; each client has ten samples."""
    settings = Scenario.model_validate(
        {
            "name": "plan",
            "world": {
                "on_oom": "ignore",
                "devices": [
                    {"name": "raspberry-pi-4", "memory": "6 MB"},
                    {"name": "jetson-nano", "memory": "1 TB"},
                ],
                "server": {"name": "a100"},
            },
            "model": {"name": "resnet18", "image_size": 32, "pretrained": False},
            "data": {
                "name": "synthetic",
                "samples": 20,
                "test_samples": 10,
                "classes": 10,
                "partition": {"name": "iid"},
            },
            "training": {"rounds": 1, "clients_per_round": 2, "batch_size": 4, "optimizer": {"name": "sgd"}},
            "algorithms": [{"name": "splitfed", "cut": {"name": "largest"}, "tail": 0}],
        }
    )
    planner = Planner(settings)
    entry = planner.settled(settings.algorithms[0])
    sizes = {sent // 10 for sent, _ in planner.round(entry).smashed.values()}
    assert len(sizes) == 2, "else this shows little"
    assert pushed(planner, entry) == 10


@pytest.mark.parametrize("behind", [[], ["raspberry-pi-4"]])
def test_it_is_said_that_the_links_of_edges_do_not_vary(behind: list[str]) -> None:
    data = scenario().model_dump(mode="json")
    data["world"]["edges"] = [{"name": "a100", "devices": behind}] if behind else []
    planner = Planner(Scenario.model_validate(data))
    sentences = answers(planner, points(planner))["Which round is shorter?"]
    assert any("Only the links of devices vary" in sentence for sentence in sentences) == bool(behind)


def test_rounds_that_are_not_like_the_first() -> None:
    """Activations that the server has are not sent again; a model that is averaged is."""
    settings = scenario()
    settings = Scenario.model_validate(
        settings.model_dump(mode="json") | {"algorithms": [{"name": "splitfrozen", "cache": True}, {"name": "fedavg"}]}
    )
    planner = Planner(settings)
    (_, sent, work), (_, sends, works) = planner.repeated(settings.algorithms[0])
    assert (sends, works) == (0, 0)
    assert min(sent, work) > 0
    first_round, second = planner.repeated(settings.algorithms[1])
    assert first_round == pytest.approx(second)


@pytest.mark.parametrize("model", ["gpt2", "random"])
def test_it_is_said_of_texts_alone_that_a_head_of_0_reveals_them(model: str) -> None:
    settings = text_scenario("v1-sent") if model == "gpt2" else scenario()
    planner = Planner(settings)
    cuts = answers(planner, points(planner))["Which cut is fastest?"]
    assert any("head 0" in sentence for sentence in cuts), "else this shows nothing"
    assert any("embedded words, which reveal the text" in sentence for sentence in cuts) == (model == "gpt2")
