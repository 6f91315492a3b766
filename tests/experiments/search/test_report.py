"""What a search tells at its end is in the words of what its models learn."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from analysis import load_search
from tests.helpers.small_searches import searched
from tests.helpers.small_sweeps import Write
from tests.helpers.text_trials import text_scenario


def test_accuracy_is_that_of_tokens_where_models_predict_them(write: Write, tmp_path: Path) -> None:
    (tmp_path / "texts.yaml").write_text(text_scenario("fl", task="next_token").resolved())
    space, wanted = {"training.optimizer.learning_rate": [0.1]}, [{"maximise": "settled_accuracy"}]
    file = write(scenario="texts.yaml", algorithm=None, space=space, objectives=wanted, trials=1)
    told = io.StringIO()
    folder = searched(file, dry=False, console=Console(file=told, width=200))
    assert "Best for the most settled token accuracy, of 1 points" in told.getvalue()
    assert "learning_rate 0.1: settled token accuracy" in (folder / "best.yaml").read_text()
    search = load_search(folder)
    assert [objective.name for objective in search.objectives] == ["settled token accuracy"]
    assert search.called("final_loss") == "loss at the end"
