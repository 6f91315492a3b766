"""What a run leaves and says of work that was lost."""

from __future__ import annotations

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pyarrow import parquet
from rich.console import Console

from simulator.accounting.ledger import AttemptRow, Ledger, RoundRow
from simulator.accounting.waste import marked
from simulator.experiments.run.losses import Losses, losses, wasted_share
from simulator.experiments.run.run import run_scenario
from simulator.experiments.run.tables import rounds_table, summarise, write
from simulator.experiments.trial.result import TrialResult
from simulator.experiments.trial.trial import run as run_trial
from simulator.scenario.scenario import Scenario
from simulator.settings.humanize import human
from tests.helpers.small_trials import ENTRIES, scenario

pytestmark = pytest.mark.usefixtures("small_model")
WASTED = ("wasted_device_seconds", "wasted_bytes", "wasted_flops", "wasted_energy_j")


def small(folder: Path, **driver: Any) -> Scenario:
    return scenario(folder, ["fl"], training={"clients_per_round": 4, "driver": driver} if driver else {})


def dry(folder: Path, **driver: Any) -> TrialResult:
    chosen = small(folder, **driver)
    return run_trial(chosen, chosen.algorithms[0], 0, dry=True)


@pytest.fixture
def late(tmp_path: Path) -> TrialResult:
    """Two rounds in which one of four is late."""
    return dry(tmp_path, name="deadline", first=3)


def test_nothing_is_wasted_where_all_are_waited_for(tmp_path: Path) -> None:
    outcome = dry(tmp_path)
    figures = summarise(outcome, None)
    assert [figures[key] for key in (*WASTED, "lost_updates", "unfinished_updates", "empty_rounds")] == [0] * 7
    assert (figures["updates"], figures["mean_staleness"]) == (4, 0)
    assert (wasted_share(outcome), list(losses("FL", [Losses.of(outcome)]))) == (0, [])
    (tmp_path / "out").mkdir()
    write(tmp_path / "out", small(tmp_path), [outcome], dry=True, device="meta", ledger=False)
    assert not (tmp_path / "out" / "waste.csv").exists()


def test_a_run_folder_says_what_was_lost_and_why(tmp_path: Path, late: TrialResult) -> None:
    chosen = small(tmp_path, name="deadline", first=3)
    (tmp_path / "out").mkdir()
    write(tmp_path / "out", chosen, [late], dry=True, device="meta")
    (figures,) = json.loads((tmp_path / "out" / "summary.json").read_text())["trials"]
    assert (figures["updates"], figures["lost_updates"], figures["empty_rounds"]) == (6, 2, 0)
    table = pd.read_csv(tmp_path / "out" / "waste.csv")
    assert (table["label"].tolist(), table["reason"].tolist(), table["attempts"].tolist()) == (["fl"], ["late"], [2])
    for key in WASTED:
        assert table[key.removeprefix("wasted_")].sum() == pytest.approx(figures[key])
        assert figures[key] > 0
    works, sent, attempts = (
        parquet.read_table(tmp_path / "out" / "ledger" / "fl-0" / f"{name}.parquet").to_pandas()
        for name in ("works", "transfers", "attempts")
    )
    lost = attempts[attempts["reason"] != ""]
    assert set(works.loc[works["reason"] != "", "client"]) == set(lost["client"])
    assert (works["lost"] == (works["reason"] != "")).all()
    assert works.loc[works["lost"], "flops"].sum() == figures["wasted_flops"]
    assert sent.loc[sent["reason"] != "", "bytes"].sum() == figures["wasted_bytes"]
    assert (tmp_path / "out" / "rounds.csv").read_text().splitlines()[-1].endswith(",6")


def test_the_table_has_a_column_of_waste_and_a_line_of_losses_where_there_are_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("analysis.write_report", lambda folder: None)
    said = []
    for number, driver in enumerate(({}, {"name": "deadline", "first": 3})):
        out = StringIO()
        console = Console(file=out, width=120)
        run_scenario(small(tmp_path, **driver), dry=True, out=tmp_path / f"{number}", console=console)
        said.append(out.getvalue())
    assert not {"wasted", "updates"} & set(said[0].split("  "))
    assert "lost" not in said[0]
    heads = next(line for line in said[1].splitlines() if "energy  " in line)
    assert heads.split("  ")[-2:] == ["updates", "wasted"]
    assert "fl: 2 of 8 updates were lost (late 2)." in said[1]


@pytest.mark.parametrize("width", [50, 80, 100, 140])
def test_no_figure_is_cut_however_long_the_label_and_narrow_the_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setattr("analysis.write_report", lambda folder: None)
    label = "A deadline of three first finishers"
    monkeypatch.setitem(ENTRIES, label, {"name": "fedavg"})
    training = {"clients_per_round": 4, "driver": {"name": "deadline", "first": 3}}
    chosen = scenario(tmp_path, [label], training=training, target_accuracy=0.75)
    out = StringIO()
    run_scenario(chosen, dry=True, out=tmp_path / "out", console=Console(file=out, width=width))
    (figures,) = json.loads((tmp_path / "out" / "summary.json").read_text())["trials"]
    table = out.getvalue().partition(" (traffic")[2].partition("Which:")[0]
    assert "…" not in table
    shown = {"sim_time_s": "seconds", "bytes_up": "bytes", "client_flops": "flops", "client_energy_j": "joules"}
    texts = [human(kind, figures[key]) for key, kind in shown.items()]
    assert all(text in table for text in texts) == (width >= 100), "in one piece where there is room"
    assert (label in table) == (width >= 140), "the label first"


def test_the_energy_of_an_update_is_that_of_the_devices_by_those_that_were_used(late: TrialResult) -> None:
    figures = summarise(late, None)
    assert figures["energy_per_update_j"] == pytest.approx(figures["client_energy_j"] / 6)
    assert summarise(with_ledger(late, lossy("late")), None)["energy_per_update_j"] is None


DRIVERS = {
    "deadline": {"name": "deadline", "first": 3},
    "fedbuff": {"name": "fedbuff", "buffer": 2, "max_staleness": 0},
    "fedasync": {"name": "fedasync", "max_staleness": 1},
    "semi_async": {"name": "semi_async", "seconds": "5 ms"},
}


@pytest.mark.parametrize("driver", DRIVERS)
def test_under_every_driver_all_that_was_done_for_a_lost_update_is_marked_and_is_a_part_of_all(
    tmp_path: Path, driver: str
) -> None:
    outcome = dry(tmp_path, **DRIVERS[driver])
    figures, ledger = summarise(outcome, None), outcome.ledger
    reasons = {(row.client, row.attempt): row.reason for row in ledger.attempts}
    assert len(reasons) == len(ledger.attempts)
    assert sum(not reason for reason in reasons.values()) == figures["updates"]
    rows = [row for table in marked(ledger) for row in table if row.client]
    assert all(row.reason == reasons[row.client, row.attempt] for row in rows)
    joules, flops, sent = (sum(getattr(use, key) for use in outcome.uses) for key in ("energy_j", "flops", "bytes"))
    assert figures["client_energy_j"] + figures["server_energy_j"] == pytest.approx(joules), "none is left out"
    assert figures["client_flops"] + figures["server_flops"] == flops
    assert figures["bytes_up"] + figures["bytes_down"] == sent
    assert figures["wasted_energy_j"] <= joules
    assert figures["wasted_flops"] <= flops
    assert figures["wasted_bytes"] <= sent
    assert 0 <= wasted_share(outcome) <= 1
    assert (figures["lost_updates"] > 0) == (figures["wasted_flops"] > 0)


def lossy(*reasons: str, rounds: tuple[RoundRow, ...] = ()) -> Ledger:
    ledger = Ledger()
    for number, reason in enumerate(reasons):
        ledger.attempts.add(AttemptRow("a", number, 0, 0, 1, 0 if reason else 1, 0 if reason else number, reason))
    for row in rounds:
        ledger.rounds.add(row)
    return ledger


def with_ledger(outcome: TrialResult, ledger: Ledger) -> TrialResult:
    return replace(outcome, ledger=ledger)


def test_losses_are_summed_over_seeds_and_unfinished_work_is_no_loss(late: TrialResult) -> None:
    one = with_ledger(late, lossy("late", "", "unfinished"))
    other = with_ledger(late, lossy("battery", "late", ""))
    assert list(losses("Deadline", [Losses.of(one), Losses.of(other)])) == [
        "Deadline: 3 of 5 updates were lost (late 2, battery 1)."
    ]


@pytest.mark.parametrize(
    ("driver", "said"), [({"name": "deadline", "first": 3}, "rounds"), (DRIVERS["semi_async"], "intervals")]
)
def test_rounds_without_an_update_are_those_and_intervals_that_passed_in_a_round(
    tmp_path: Path, driver: dict[str, Any], said: str
) -> None:
    rows = RoundRow(1, 0, 1, updates=2, empty=1), RoundRow(2, 1, 1, updates=0), RoundRow(3, 2, 1, updates=1)
    outcome = with_ledger(dry(tmp_path, **driver), lossy(rounds=rows))
    assert list(losses("A", [Losses.of(outcome)])) == [f"A: in 2 of 4 {said} no update arrived."]
    assert summarise(outcome, None)["empty_rounds"] == 2


def test_staleness_is_the_mean_over_updates_that_were_used(late: TrialResult) -> None:
    def mean(*reasons: str) -> float | None:
        return summarise(with_ledger(late, lossy(*reasons)), None)["mean_staleness"]

    assert mean("", "stale", "", "") == pytest.approx((0 + 2 + 3) / 3)
    assert mean("late") is None
    assert mean() is None


@pytest.mark.parametrize("tag", [0, 3, 9])
def test_what_was_spent_outside_of_rounds_or_for_later_ones_is_in_the_last_row(late: TrialResult, tag: int) -> None:
    used = list(late.uses)
    moved = replace(late, uses=[*used, used[0]._replace(side="client", round=tag, flops=1000)])
    before, after = rounds_table(late), rounds_table(moved)
    place = before.columns.index("client_flops")
    rows = zip(before.rows, after.rows, strict=True)
    assert [new[place] - old[place] for old, new in rows] == [0] * (len(before.rows) - 1) + [1000]
