"""A report says which algorithms send labels away."""

from pathlib import Path

import pandas as pd

from analysis import load_run, write_report
from analysis.disclosed import disclosed
from tests.helpers.run_folders import fabricate


def test_labels_that_leave_are_named(tmp_path: Path) -> None:
    folder = fabricate(tmp_path / "run")
    run = load_run(folder)
    assert disclosed(run) == {}
    label = run.labels[-1]
    path = folder / "ledger" / f"{label}-{run.seeds(label)[0]}" / "transfers.parquet"
    sent = pd.read_parquet(path)
    up = sent["target"] != sent["client"]
    sent.loc[up, "kind"] = "smashed data and labels"
    sent.loc[~up, "kind"] = "labels that come back"
    sent.to_parquet(path)
    assert disclosed(run) == {"smashed data and labels": [label]}
    text = write_report(folder, []).read_text()
    assert "<strong>Labels leave the devices</strong> in " + label in text
