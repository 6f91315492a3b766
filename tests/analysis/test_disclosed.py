"""A report says which algorithms send labels, images or texts away."""

from pathlib import Path

import pandas as pd
import pytest

from analysis import load_run, write_report
from analysis.disclosed import disclosed
from tests.helpers.run_folders import fabricate


def send(folder: Path, label: str, kind: str) -> None:
    """Rename what a label's devices send, and what they receive."""
    run = load_run(folder)
    path = folder / "ledger" / f"{label}-{run.seeds(label)[0]}" / "transfers.parquet"
    sent = pd.read_parquet(path)
    up = sent["target"] != sent["client"]
    sent.loc[up, "kind"] = kind
    sent.loc[~up, "kind"] = "labels that come back"
    sent.to_parquet(path)


@pytest.mark.parametrize(
    ("kind", "task", "said"),
    [
        ("smashed data and labels", None, "<strong>Labels leave the devices</strong> in SFPrompt: sent as “{}”.</p>"),
        ("smashed data and labels", "next_token", "sent as “{}”. Labels of next tokens are the text itself.</p>"),
        ("texts", "next_token", "<strong>Texts leave the devices</strong> in SFPrompt: sent as “{}”.</p>"),
        pytest.param(
            "texts and labels", None, "<strong>Labels and texts leave the devices</strong>", marks=pytest.mark.slow
        ),
        ("encoded images and labels", None, "<strong>Labels and images leave the devices</strong>"),
    ],
)
def test_data_that_leave_are_named(tmp_path: Path, kind: str, task: str | None, said: str) -> None:
    folder = fabricate(tmp_path / "run", task=task)
    assert disclosed(load_run(folder)) == {}
    send(folder, "SFPrompt", kind)
    assert disclosed(load_run(folder)) == {kind: ["SFPrompt"]}
    assert said.format(kind) in write_report(folder, []).read_text()
