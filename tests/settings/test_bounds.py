"""Bounds of sense: what is beyond them is refused in one line, wherever it stands; what people do is within them."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.scenario.scenario import load
from simulator.settings import bounds
from simulator.settings.bounds import LIMITS, MOST_SEED
from simulator.settings.errors import ScenarioError
from simulator.settings.units import BANDWIDTH, DURATION, MEMORY, POWER, RATE, Quantity
from tests.helpers.places import ROOT, SCENARIOS

FILE = SCENARIOS / "quickstart.yaml"
PI = "world.devices.0"


def said(*overrides: str) -> str:
    """What is wrong with the quickstart with these values, without the place."""
    with pytest.raises(ScenarioError) as error:
        load(FILE, overrides)
    assert "\n" not in str(error.value)
    return str(error.value).split(": ", 1)[1]


@pytest.mark.parametrize(
    ("override", "problem"),
    [
        ("training.rounds=1000000000", "it must be at most 10,000,000"),
        ("training.local_epochs=1000000000", "it must be at most 1,000,000"),
        ("algorithms.SFPrompt.split_epochs=1000000000", "it must be at most 1,000,000"),
        ("training.batch_size=1000000000", "it must be at most 10,000,000"),
        ("model.image_size=100000", "it must be at most 8,192"),
        ("threads=1000000", "it must be at most 512"),
        ("algorithms.SFPrompt.prompts={length: 1000000}", "it must be at most 16,384"),
        ("training.lora={rank: 1000000000}", "it must be at most 65,536"),
        ("data={name: synthetic, samples: 1000000000000}", "it must be at most 50,000,000"),
        ("world.server.slots=1000000000", "it must be at most 10,000,000"),
        (f"{PI}.count=100000000", "it must be at most 10,000,000"),
        (f"{PI}.utilisation=1e-90", "it must be at least 1e-09"),
        (f"{PI}.uplink={{rate: 1e-90 bit/s}}", "it is too small: a bandwidth is at least 0.001 B/s"),
        (f"{PI}.uplink={{rate: 1 bit/s, latency: 1e308 s}}", "it is too large: a duration is at most 1e+10 s"),
        (f"{PI}.power.idle=1e300 W", "it is too large: a power is at most 1e+12 W"),
        (f"{PI}.memory=1e-300 B", "it is too small: a memory size is at least 1 B"),
        ("world.server.rate.fp32=1e300 FLOP/s", "it is too large: a computing rate is at most 1e+24 FLOP/s"),
        (
            f"{PI}.uplink.signal={{name: markov, mean_good: 1 s, mean_bad: 2 s, bad: 1e-99}}",
            "it must be 0, a pause, or at least",
        ),
        ("training.optimizer.learning_rate=1e50", "it must be at most 1e+06"),
        ("evaluation.every=1000000000000", "it must be at most 1,000,000,000"),
        (f"training.rounds=1{'0' * 400}", "a whole number must lie between -9.2e18 and 9.2e18"),
        ("training.optimizer.learning_rate=1e-200", "the size of a number must be 0 or between 1e-100 and 1e+100"),
        (f"seeds=[{2**63}]", "a whole number must lie between -9.2e18 and 9.2e18"),
    ],
)
def test_what_is_beyond_sense_is_refused_in_one_line(override: str, problem: str) -> None:
    message = said(override)
    assert problem in message
    assert len(message) < 250


def test_the_largest_seed_is_allowed() -> None:
    assert load(FILE, [f"seeds=[{MOST_SEED}]"]).seeds == (2**63 - 1,)


def test_a_number_of_thousands_of_digits_is_refused() -> None:
    with pytest.raises(ScenarioError, match="rounds is a number of thousands of digits: a whole number must lie"):
        load(FILE).with_(training__rounds=10**5000)


@pytest.mark.parametrize(
    "overrides",
    [
        [f"{PI}.count=131072", "data={name: synthetic, samples: 1048576}", "training.clients_per_round=131072"],
        ["model={name: vit_giant_patch14_224, image_size: 224, pretrained: false}"],
        ["training.rounds=1000000", "evaluation.every=1000"],
        [f"{PI}.uplink={{rate: 1 bit/s, latency: 1 us}}", "world.server.rate.fp32=1e20 FLOP/s"],
    ],
)
def test_what_people_simulate_is_within_the_bounds(overrides: list[str]) -> None:
    load(FILE, overrides)


@pytest.mark.parametrize("quantity", [BANDWIDTH, DURATION, MEMORY, POWER, RATE])
def test_a_quantity_is_read_up_to_its_bounds_and_not_beyond(quantity: Quantity) -> None:
    least, most = LIMITS[quantity.name]
    unit = quantity.written[-1]
    assert quantity.parse(f"{least} {unit}") == least
    assert quantity.parse(f"{most} {unit}") == most
    for beyond in (least / 2, most * 2, 5e-324, 1.7e308):
        with pytest.raises(ValueError, match="it is too"):
            quantity.parse(f"{beyond} {unit}")


def test_the_json_schema_carries_the_bounds() -> None:
    from simulator.scenario.schema import scenario_schema

    parts: dict[str, Any] = scenario_schema()["$defs"]
    assert parts["ScheduledTraining"]["properties"]["rounds"]["maximum"] == 10_000_000
    assert parts["ModelSettings"]["properties"]["image_size"]["maximum"] == 8192


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb"])
def test_half_a_character_is_no_text(text: str) -> None:
    with pytest.raises(ScenarioError, match="has half of a character"):
        load(FILE).with_(name=text)


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("depth", 0, "it must be at least 1"),
        ("layers", [1, -1], "it must be at least 0"),
        ("layers", [1, 0], ""),
        ("layers", [1, 10**9], "it must be at most 1,000"),
        ("embed_dim", 10**9, "it must be at most 10,000,000"),
        ("vocab_size", 128_256, ""),
        ("depth", 12, ""),
        ("mlp_ratio", 0.5, ""),
    ],
)
def test_keywords_of_a_model_are_bounded(key: str, value: object, problem: str) -> None:
    assert bounds.keyword_problem(key, value) == problem


def test_the_manual_has_the_bounds() -> None:
    page = (ROOT / "docs" / "guides" / "scenario.md").read_text("utf-8")
    words = ["ROUNDS", "DEVICES", "BATCH", "SAMPLES", "EPOCHS", "CLASSES", "IMAGE", "RANK", "PROMPTS", "THREADS"]
    words += ["WIDTH", "LAYERS"]
    assert [word for word in words if f"{getattr(bounds, f'MOST_{word}'):,}" not in page] == []
    for name in ("a computing rate", "a bandwidth", "a memory size", "a duration", "a power", "an energy"):
        assert f"{LIMITS[name].most:g}".replace("+", "") in page, name
