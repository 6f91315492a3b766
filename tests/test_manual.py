"""The commands in the README and the manual work, and the generated pages cover what there is."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from typer.main import get_command

from analysis.columns import SUMMARY_COLUMNS, SUMMARY_LATER
from simulator.cli.entry import app
from simulator.experiments.search.settings import load as load_search
from simulator.experiments.sweep.settings import load as load_sweep
from simulator.scenario.scenario import load
from simulator.settings.plugins import ALGORITHMS, FAMILIES
from tests.helpers.commands import Sfsim
from tests.helpers.pages import README, TEXTS, blocks, commands, hook, name_of
from tests.helpers.places import ROOT

TESTED_ELSEWHERE = {
    "docs/guides/own-data.md": "tests/test_guides.py",
    "docs/guides/language-models.md": "tests/test_guides.py",
    "docs/guides/own-devices.md": "tests/test_guides.py",
    "docs/guides/write-an-algorithm.md": "tests/test_guides.py",
    "docs/guides/what-if.md": "tests/cli/test_what_if.py",
    "docs/guides/notebooks.md": "tests/test_notebooks.py",
}
"""Pages whose commands build on each other, with the tests that run them in order."""
NOT_RUN = {
    "sfsim fidelity": "takes minutes; tests/experiments/evidence",
    "sfsim fidelity my-rows.csv": "needs rows of the reader's own",
    "sfsim fidelity --fit": "takes minutes",
    "sfsim fidelity --out fidelity": "takes minutes",
    "sfsim run scenarios/cifar10.yaml": "downloads 170 MB",
    "sfsim sweep scenarios/sweeps/label_skew.yaml": "reads Parquet files of the reader's own",
    "sfsim compare runs/as-it-is runs/keep-more": "needs the runs of the commands above it",
    "sudo": "needs root; tests/deployment",
}
"""The beginnings of commands that are not tried, and why."""
LONG = ("run", "sweep", "search")
"""Commands of which only the file, the overrides and the options are looked at; other tests run what is bundled."""


def tried() -> Iterator[tuple[str, ...]]:
    """Each command once, without the path of the program."""
    for page, words in commands():
        line = " ".join(words).replace(".venv/bin/", "")
        if page not in TESTED_ELSEWHERE and not line.startswith(tuple(NOT_RUN)):
            yield tuple(word.removeprefix(".venv/bin/") for word in words)


ALL = sorted(set(tried()))
OURS = [words for words in ALL if words[0] == "sfsim"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what commands name: the project's files, and the scenario of the guide."""
    for name in ("scenarios", "examples"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "my-scenario.yaml").write_text(blocks(TEXTS[ROOT / "docs/guides/scenario.md"], "yaml")[0])
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("words", [words for words in OURS if words[1] not in LONG], ids=" ".join)
def test_a_command_works(words: tuple[str, ...], project: Path, sfsim: Sfsim) -> None:
    status, _, wrong = sfsim(*words[1 : words.index(">") if ">" in words else None])
    assert status == 0, wrong


@pytest.mark.parametrize("words", [words for words in OURS if words[1] in LONG], ids=" ".join)
def test_what_a_long_command_would_run_is_valid(words: tuple[str, ...], project: Path) -> None:
    _, command, file, *rest = words
    overrides = [value for option, value in pairwise(rest) if option == "--set"]
    if command == "sweep" and "--axis" not in rest:
        assert load_sweep(file).axes or load_sweep(file).zip
    elif command == "search":
        assert load_search(file).space
    else:
        assert load(file, overrides).algorithms
    known = {option for parameter in get_command(app).commands[command].params for option in parameter.opts}
    assert {word for word in rest if word.startswith("--")} <= known


@pytest.mark.parametrize("words", [words for words in ALL if words[0] != "sfsim"], ids=" ".join)
def test_what_another_command_names_is_there(words: tuple[str, ...]) -> None:
    program, *rest = words
    if program == "make":
        assert re.search(rf"^{rest[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    else:
        assert program == "python"
        assert (ROOT / rest[0]).is_file()


def test_reasons_are_of_commands_that_are_shown() -> None:
    shown = [" ".join(words).replace(".venv/bin/", "") for _, words in commands()]
    assert [start for start in NOT_RUN if not any(line.startswith(start) for line in shown)] == []


def test_pages_tested_elsewhere_are_named_there() -> None:
    missing = [
        page
        for page, test in TESTED_ELSEWHERE.items()
        if (ROOT / page).exists() and Path(page).stem not in (ROOT / test).read_text(encoding="utf-8")
    ]
    assert missing == []


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    return hook("keys", monkeypatch)


def test_every_key_of_a_scenario_is_told_with_an_example(keys: ModuleType) -> None:
    rows = re.findall(r"^\| `(\w+)` \|(.*)\|(.*)\|(.*)\| (.*) \|$", keys.scenario_page(), re.MULTILINE)
    assert [key for key, _, _, _, meaning in rows if re.fullmatch(r"(An? [\w ]+\.)?", meaning.strip())] == []
    assert [key for key, _, _, example, _ in rows if not example.strip()] == []
    properties = [part.get("properties", {}) for part in (keys.schema(), *keys.schema()["$defs"].values())]
    assert {key for part in properties for key in part} <= {key for key, *_ in rows}


def test_every_choice_has_a_section(monkeypatch: pytest.MonkeyPatch) -> None:
    choices = hook("choices", monkeypatch)
    names = {name for family in choices.WHERE for name in FAMILIES[family].names()}
    assert {*choices.WHERE} == {*FAMILIES} - {"algorithms"}
    assert set(re.findall(r"^### `(\w+)`$", choices.page(), re.MULTILINE)) == names


def test_every_algorithm_has_a_title_and_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    systems = hook("systems", monkeypatch)
    grouped = [name for names in systems.GROUPS.values() for name in names]
    assert sorted(grouped) == sorted(ALGORITHMS.names())
    assert {*systems.TITLES} == {*grouped}


def test_the_page_of_a_system_has_what_a_dry_run_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    systems = hook("systems", monkeypatch)
    text = systems.page("splitfed")
    trial = systems._trial("splitfed")
    smashed = sum(row.bytes for row in trial.ledger.transfers if row.kind == "smashed data")
    assert re.search(r"\| smashed data \| up \| split training \| ([\d.]+) MB", text)
    shown = float(re.findall(r"\| smashed data \| up \| split training \| ([\d.]+) MB", text)[0])
    assert shown == pytest.approx(smashed / 1e6, rel=0.01)


def test_the_accuracies_of_systems_are_found_in_the_study(monkeypatch: pytest.MonkeyPatch) -> None:
    systems = hook("systems", monkeypatch)
    for name, row in systems.MEASURED.items():
        assert any(f"| {row} |" in line for line in systems._learned(name)), name


def test_every_command_has_a_section(monkeypatch: pytest.MonkeyPatch) -> None:
    commands_page = hook("commands", monkeypatch).page()
    named = {words[1] for _, words in commands() if words[0].endswith("sfsim") and not words[1].startswith("-")}
    assert named <= set(re.findall(r"^## sfsim (\w+)", commands_page, re.MULTILINE))


@pytest.mark.filterwarnings("ignore")
def test_every_column_of_a_run_is_told(tmp_path: Path, sfsim: Sfsim, monkeypatch: pytest.MonkeyPatch) -> None:
    told = hook("columns", monkeypatch).described()
    prices = "prices={gpu: 1 USD/h}"
    status, _, wrong = sfsim(
        "run", ROOT / "scenarios/quickstart.yaml", "--dry", "--out", tmp_path / "run",
        "--set", "training.rounds=1", "--set", prices, "--set", "world.devices.0.uplink={link: wifi-6, loss: 0.1}",
    )  # fmt: skip
    assert status == 0, wrong
    for file in sorted((tmp_path / "run").glob("*.csv")):
        with file.open(newline="") as rows:
            assert next(csv.reader(rows)) == [*told[file.name]], file.name
    (trial, *_) = json.loads((tmp_path / "run" / "summary.json").read_text())["trials"]
    assert {*trial} == {*told["summary.json"]}
    assert {*SUMMARY_COLUMNS, *SUMMARY_LATER} <= {*told["summary.json"]}


def test_every_column_of_the_ledger_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    text = hook("columns", monkeypatch).page().partition("## The ledger")[2]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \|$", text, re.MULTILINE)
    assert len(rows) > 60
    assert [name for name, kind, meaning in rows if not kind or not meaning] == []


def test_every_page_is_in_the_navigation(monkeypatch: pytest.MonkeyPatch) -> None:
    written = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    named = set(re.findall(r"[\w/-]+\.md", json.dumps(written["nav"])))
    generated = hook("generated", monkeypatch).pages()
    pages = {name_of(page).removeprefix("docs/") for page in TEXTS}
    assert pages <= named
    assert named <= pages | {*generated}


@pytest.mark.slow
def test_the_site_is_built_strictly_and_fetches_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mkdocs = pytest.importorskip("mkdocs.commands.build")
    config = pytest.importorskip("mkdocs.config")
    monkeypatch.chdir(ROOT)
    mkdocs.build(config.load_config("mkdocs.yml", strict=True, site_dir=str(tmp_path)))
    fetched = re.compile(
        r"""<(?:script|img|iframe|source)[^>]*\bsrc=["']?(?:https?:)?//|<link[^>]*\bhref=["']?(?:https?:)?//"""
        r"""|url\(["']?(?:https?:)?//|@import\s+["'](?:https?:)?//"""
    )
    files = [path for path in tmp_path.rglob("*") if path.suffix in (".html", ".css")]
    assert len(files) > 60
    assert {path.name: fetched.findall(path.read_text(encoding="utf-8")) for path in files} == {
        path.name: [] for path in files
    }


def test_the_readme_is_short() -> None:
    assert len(README.read_text(encoding="utf-8").split()) <= 900
