"""The table of suggestions is read as it was written, and no spreadsheet takes a text in it for a formula."""

from __future__ import annotations

import csv
from pathlib import Path

import yaml

from analysis import load_search
from simulator.experiments.search.folder import Folder
from simulator.experiments.search.journal import Outcome, Suggestion

KEY = "world.server.name"


def test_texts_that_look_like_formulas_come_back_as_they_were(tmp_path: Path) -> None:
    texts = ("=cmd()", "@x", "-1 + 2", "'=a", "-5")
    suggestions = [
        Suggestion(number, {}, Outcome("done", text, {KEY: text}, ("0",), {"sim_time_s": -1.5}, message=text))
        for number, text in enumerate(texts)
    ]
    plan = {"name": "s", "space": {KEY: list(texts)}, "objectives": [{"minimise": "sim_time_s"}]}
    (tmp_path / "search.yaml").write_text(yaml.safe_dump(plan))
    Folder(tmp_path).write_suggestions([KEY], ["sim_time_s"], suggestions, [])
    table = load_search(tmp_path).table
    for column in (KEY, "label", "message"):
        assert tuple(table[column]) == texts
    assert set(table["sim_time_s"]) == {-1.5}
    with (tmp_path / "suggestions.csv").open(newline="", encoding="utf-8") as file:
        written = {cell for row in csv.DictReader(file) for cell in row.values()}
    assert {cell for cell in written if cell[:1] in ("=", "@", "-")} == {"-1.5", "-5"}, "numbers, which do no harm"
