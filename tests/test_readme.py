"""What the README and the page on plug-ins show works."""

import re
import sys
from io import StringIO
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from rich.console import Console

from simulator.experiments.run.run import run_scenario
from simulator.experiments.trial.trial import run
from simulator.experiments.trial.validate import check
from simulator.scenario.scenario import load
from simulator.settings.plugins import ALGORITHMS, FAMILIES
from tests.helpers.pages import README, blocks
from tests.helpers.places import ROOT, SCENARIOS

TEXT = README.read_text(encoding="utf-8")
PLUGINS = (ROOT / "docs/reference/plug-ins.md").read_text(encoding="utf-8")


def block(text: str, language: str, has: str = "") -> str:
    """The only block of this language that has this text in it."""
    (found,) = (block for block in blocks(text, language) if has in block)
    return found


def test_its_scenario_is_valid(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(block(TEXT, "yaml"))
    check(load(tmp_path / "mine.yaml"))


@pytest.mark.parametrize("text", [TEXT, (ROOT / "docs/start.md").read_text(encoding="utf-8")], ids=["README", "start"])
def test_its_first_table_has_the_columns_of_a_run(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.write_report", lambda folder: None)
    scenario = load(SCENARIOS / "quickstart.yaml", ["training.rounds=1"])
    printed = Console(file=StringIO(), width=100)
    run_scenario(scenario, dry=True, out=tmp_path / "out", console=printed)
    (shown,) = re.findall(r"^( +accuracy .*)\n ─", text, re.MULTILINE)
    headings = [line.split() for line in printed.file.getvalue().splitlines() if " accuracy " in line]  # type: ignore[attr-defined]
    assert headings == [shown.split()]


def test_its_verdict_has_the_headings_of_a_run() -> None:
    console = block(TEXT, "", "accuracy")
    assert re.findall(r"^(\w[\w ]+): ", console, re.MULTILINE) == [
        *("Which", "At what cost", "How sure", "What would change it", "Report")
    ]


def test_a_trial_takes_its_steps_one_by_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ROOT)
    exec(block(PLUGINS, "python", "Trial("), {})
    *rounds, peak = capsys.readouterr().out.splitlines()
    numbers, seconds, scores = zip(*map(str.split, rounds), strict=True)
    assert numbers == tuple(map(str, range(13)))
    assert [float(second) for second in seconds] == sorted(map(float, seconds))
    assert {*scores} == {"None"}
    assert int(peak) > 0


def test_the_files_that_it_names_are_there() -> None:
    linked = [link for link in re.findall(r"\]\(([^)#]+)\)", TEXT) if not link.startswith("http")]
    named = re.findall(r"\b(?:scenarios|examples|docs|simulator|tests)/[\w./-]+\w", TEXT)
    assert {name for name in (*linked, *named) if not (ROOT / name).exists()} == set()
    assert len(linked) > 4


def test_the_page_on_plug_ins_has_every_family() -> None:
    groups = re.findall(r"\| `sfsim\.(\w+)` \|", PLUGINS)
    assert {*groups} == {*FAMILIES}
    bases = re.findall(r"^\| .* \| `([\w/]+)` \| `(\w+)` \|", PLUGINS, re.MULTILINE)
    missing = [
        (folder, base)
        for folder, base in bases
        if f"class {base}(" not in (ROOT / "simulator" / folder / "base.py").read_text(encoding="utf-8")
    ]
    assert missing == []


def test_its_algorithm_learns_and_is_accounted_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("shown_in_the_manual")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(block(PLUGINS, "python", "class FedSgd"), vars(module))
    monkeypatch.setattr(ALGORITHMS, "_modules", {**ALGORITHMS._modules, "fedsgd": module.__name__})
    scenario = yaml.safe_load(block(TEXT, "yaml")) | {
        "seeds": [0],
        "model": {"name": "random", "image_size": 8},
        "algorithms": [{"name": "fedsgd", "batches": 2}],
        "training": {
            "rounds": 2,
            "clients_per_round": 2,
            "batch_size": 32,
            "optimizer": {"name": "sgd", "learning_rate": 0.01},
        },
    }
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(scenario))
    mine = load(tmp_path / "mine.yaml")
    real, dry = (run(mine, mine.algorithms[0], 0, dry) for dry in (False, True))
    assert real.ledger == dry.ledger
    first, last = (point.score for point in (real.rounds[0], real.rounds[-1]))
    assert first
    assert last
    assert last.loss < first.loss
