"""What the pages in docs show works: their fragments of scenarios are valid, and their links lead somewhere."""

import re
from operator import attrgetter
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulator.experiments.trial.validate import check
from simulator.scenario.scenario import load
from simulator.settings.plugins import FAMILIES
from tests.helpers.pages import PAGES, TEXTS, hook
from tests.helpers.places import ROOT, SCENARIOS

FRAGMENTS = [
    pytest.param(fragment, id=f"{page.stem}-{number}")
    for page, text in TEXTS.items()
    for number, fragment in enumerate(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL))
]
INLINE = [
    pytest.param(key, entry, id=entry)
    for text in TEXTS.values()
    for key, table in re.findall(
        r"\| `(training\.driver|training\.selection|world\.server\.queue)` \|.*?\n\|[-|]+\n((?:\|.*\n)+)", text
    )
    for entry in re.findall(r"^\| `(\{.*?\})`", table, re.MULTILINE)
]


def merged(base: Any, changes: Any) -> Any:
    """Return mappings merged, where the second has the last word."""
    if not isinstance(base, dict) or not isinstance(changes, dict) or "name" in changes:
        return changes
    return base | {key: merged(base.get(key), value) for key, value in changes.items()}


@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_a_fragment_of_a_scenario_is_valid(fragment: str, tmp_path: Path) -> None:
    quickstart = yaml.safe_load((SCENARIOS / "quickstart.yaml").read_text())
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(merged(quickstart, yaml.safe_load(fragment))))
    check(load(tmp_path / "mine.yaml"))


@pytest.mark.parametrize(("key", "entry"), INLINE)
def test_a_choice_in_a_table_can_be_written_so(key: str, entry: str) -> None:
    scenario = load(SCENARIOS / "quickstart.yaml", [f"{key}={entry}", "training.clients_per_round=10"])
    assert attrgetter(key)(scenario).name in FAMILIES[f"{key.rpartition('.')[2]}s"].names()


@pytest.mark.parametrize("key", ["training.driver", "training.selection", "world.server.queue"])
def test_every_choice_is_in_its_table(key: str) -> None:
    assert {re.findall(r"name: (\w+)", str(choice.values[1]))[0] for choice in INLINE if choice.values[0] == key} == {
        *FAMILIES[f"{key.rpartition('.')[2]}s"].names()
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    generated = {(ROOT / "docs" / path).resolve() for path in hook("generated", monkeypatch).pages()}
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", TEXTS[page]) if not link.startswith("http")]
    missing = [link for link in links if not (page.parent / link).exists()]
    assert [link for link in missing if (page.parent / link).resolve() not in generated] == []
