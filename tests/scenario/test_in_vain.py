"""Settings that an algorithm would not look at are refused where they stand, and what it has instead is said."""

from pathlib import Path

import pytest

from simulator.scenario.scenario import ScenarioError, load
from tests.helpers.toy_scenario import SCENARIO


def file(folder: Path, entry: str, common: str = "") -> Path:
    """The toy scenario with this entry, and this more in its training."""
    path = folder / "toy.yaml"
    training = SCENARIO[: SCENARIO.index("algorithms:")] + (f"  {common}\n" if common else "")
    path.write_text(f"{training}algorithms:\n  - {{{entry}}}\n")
    return path


def message(folder: Path, entry: str, common: str = "") -> str:
    with pytest.raises(ScenarioError) as error:
        load(file(folder, entry, common))
    return str(error.value).removeprefix(f"{folder / 'toy.yaml'}, ")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (
            "name: fedavg, training: {lora: {rank: 8}}",
            "line 17: algorithms.fedavg.training.lora: fedavg with train: full has no adapters, so nothing would use "
            "it (allowed: train: lora beside it)",
        ),
        (
            "name: splitfed, label: SFL, training: {train: linear, lora: {targets: [q]}}",
            "line 17: algorithms.SFL.training.lora: splitfed with train: linear has no adapters",
        ),
        (
            "name: sfprompt, training: {lora: {rank: 8}}",
            "line 17: algorithms.sfprompt.training.lora: sfprompt has no adapters, so nothing would use it "
            "(allowed: another algorithm)",
        ),
        (
            "name: fedlora, training: {train: bias}",
            "line 17: algorithms.fedlora.training.train: fedlora does not use it: it always trains LoRA adapters "
            "and the classifier",
        ),
        (
            "name: sfprompt, training: {train: linear}",
            "line 17: algorithms.sfprompt.training.train: sfprompt does not use it: its own keys say what it trains",
        ),
        (
            "name: sfprompt, training: {local_epochs: 3}",
            "line 17: algorithms.sfprompt.training.local_epochs: sfprompt has a key of its own for it: write "
            "local_epochs beside its name",
        ),
        (
            "name: fedlora, training: {lora: {blocks: [4, 2]}}",
            "line 17: algorithms.fedlora.training.lora.blocks is [4, 2]: the first comes after the last, so no block "
            "has adapters (allowed: [first, last], counted from 0, or null)",
        ),
    ],
)
def test_training_of_an_entrys_own(entry: str, said: str, tmp_path: Path) -> None:
    assert message(tmp_path, entry).startswith(said)


def test_blocks_of_all_are_told_once(tmp_path: Path) -> None:
    found = message(tmp_path, "name: fedlora", "lora: {blocks: [4, 2]}")
    assert found.startswith("line 16: training.lora.blocks is [4, 2]: the first comes after the last")
    assert "\n" not in found


@pytest.mark.parametrize(
    ("entry", "common"),
    [
        ("name: fedavg", "lora: {rank: 8}"),
        ("name: fedavg, training: {lora: {rank: 8}}", "lora: {rank: 8}"),
        ("name: fedavg, training: {lora: {rank: 8}}", "train: lora"),
        ("name: fedavg, training: {train: lora, lora: {rank: 8}}", ""),
        ("name: fedlora", "train: bias"),
        *((f"name: {name}, training: {{lora: {{rank: 8}}}}", "") for name in ("fedlora", "flora", "splitlora")),
        ("name: splitfrozen, training: {lora: {rank: 8}}", "lora: {rank: 2}"),
        ("name: splitfrozen, cut: {name: fastest}, training: {lora: {rank: 8, blocks: [2, 2]}}", ""),
    ],
)
def test_what_somebody_looks_at_is_fine(entry: str, common: str, tmp_path: Path) -> None:
    scenario = load(file(tmp_path, entry, common))
    again = tmp_path / "again.yaml"
    again.write_text(scenario.resolved())
    assert load(again) == scenario


@pytest.mark.parametrize("name", ["splitlora", "epsl", "sfpl"])
def test_labels_that_leave_the_devices_anyway(name: str, tmp_path: Path) -> None:
    assert message(tmp_path, f"name: {name}, labels: private").startswith(
        f'line 17: algorithms.{name}.labels is "private": there is no such key: labels always leave the devices, '
        "because the loss is computed at the server; sfprompt, and splitfed with labels: private, keep them on the "
        "devices"
    )


@pytest.mark.parametrize("name", ["sfprompt", "flexp_sfl"])
def test_labels_that_never_leave_them(name: str, tmp_path: Path) -> None:
    assert message(tmp_path, f"name: {name}, labels: sent").startswith(
        f'line 17: algorithms.{name}.labels is "sent": there is no such key: labels never leave the devices'
    )
