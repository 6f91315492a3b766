"""Money and carbon in figures, tables and pages: where they come from, and that they are absent without prices."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from analysis import RunError, load_run, load_sweep, write_comparison, write_report, write_sweep_report
from analysis.axes import parse_values
from analysis.costs import cost_tables, costs_by
from analysis.figures import write_figures
from analysis.interactive.costs import costs_chart
from analysis.interactive.curves import accuracy_chart
from analysis.interactive.pareto import pareto_chart
from analysis.interactive.sweep import sweep_data
from analysis.measures import measure_columns
from analysis.quantities import kind_of
from analysis.sweep_figures import write_sweep_figures
from simulator.experiments.sweep.run import run_sweep
from simulator.settings.humanize import human
from tests.helpers.reports import Page, valid
from tests.helpers.run_folders import fabricate
from tests.helpers.small_sweeps import SCENARIO
from tests.helpers.sweep_folders import HEAD, UPLINK, costs, fabricate_sweep

ROWS = [
    ("FL", "devices", "pi", "model exchange", "cellular", 4.0, 0.0),
    ("FL", "devices", "pi", "training", "electricity", 0.5, 0.003),
    ("FL", "operator", "gpu", "idle", "GPU hours", 2.0, 0.0),
    ("SFPrompt", "operator", "gpu", "split training", "GPU hours", 1.0, 0.0),
    ("SFPrompt", "operator", "gpu", "split training", "electricity", 0.25, 0.001),
]


def billed(folder: Path, seeds: tuple[int, ...] = (0,), **more: Any) -> Path:
    """A run whose trials cost what `ROWS` says; a seed other than 0 costs twice as much."""
    fabricate(folder, seeds=seeds, **more)
    rows = [
        (label, label, seed, *what, usd * (1 + (seed > 0)), kg * (1 + (seed > 0)))
        for label, *what, usd, kg in ROWS
        for seed in seeds
    ]
    columns = ["algorithm", "label", "seed", "payer", "group", "phase", "item", "usd", "carbon_kg"]
    table = pd.DataFrame(rows, columns=columns)
    table.to_csv(folder / "costs.csv", index=False)
    rounds = pd.read_csv(folder / "rounds.csv")
    totals = table.groupby(["label", "seed"])[["usd", "carbon_kg"]].sum()
    share = rounds["round"] / rounds["round"].max()
    for name, column in (("cost_usd", "usd"), ("carbon_kg", "carbon_kg")):
        whole = [totals.loc[key, column] for key in zip(rounds["label"], rounds["seed"], strict=True)]
        rounds[name] = share * whole
    rounds.to_csv(folder / "rounds.csv", index=False)
    text = pd.read_json(folder / "summary.json", typ="series")
    for trial in text["trials"]:
        found = totals.loc[(trial["label"], trial["seed"])]
        trial |= {"cost_usd": found["usd"], "carbon_kg": found["carbon_kg"]}
        trial |= {"cost_to_target_usd": found["usd"] / 2, "carbon_to_target_kg": None}
    text.to_json(folder / "summary.json")
    return folder


def test_sums_are_means_over_seeds(tmp_path: Path) -> None:
    found = costs_by(load_run(billed(tmp_path, seeds=(0, 1))), "payer")
    assert list(zip(found["label"], found["payer"], found["usd"], found["carbon_kg"], strict=True)) == [
        ("FL", "operator", 3.0, 0.0),
        ("FL", "devices", 6.75, pytest.approx(0.0045)),
        ("SFPrompt", "operator", 1.875, pytest.approx(0.0015)),
    ]


def test_the_table_says_who_pays_for_what(tmp_path: Path) -> None:
    (table,) = cost_tables(load_run(billed(tmp_path)))
    assert table.heads == ("Algorithm", "Payer", "For", "Cost", "Carbon")
    assert table.rows == [
        ("FL", "operator", "GPU hours", "2 USD", "–"),
        ("FL", "owners of devices", "cellular", "4 USD", "–"),
        ("FL", "owners of devices", "electricity", "0.5 USD", "3 g"),
        ("SFPrompt", "operator", "GPU hours", "1 USD", "–"),
        ("SFPrompt", "operator", "electricity", "0.25 USD", "1 g"),
    ]


def test_bars_are_as_long_as_what_was_paid(tmp_path: Path) -> None:
    chart = costs_chart(load_run(billed(tmp_path)))
    assert chart
    assert chart.knobs[0].options == ("Money", "Carbon")
    for figure in chart.figures.values():
        valid(figure)
    bars = {(trace["meta"]["payer"], trace["meta"]["phase"]): trace["x"] for trace in chart.figures["0"]["data"]}
    assert bars == {
        ("operator", "idle"): [2, 0],
        ("operator", "split training"): [0, 1.25],
        ("devices", "model exchange"): [4, 0],
        ("devices", "training"): [0.5, 0],
    }
    assert [note["text"] for note in chart.figures["1"]["layout"]["annotations"]] == ["3 g", "1 g"]


@pytest.mark.usefixtures("nothing_saved")
def test_accuracy_is_drawn_over_money_and_carbon(tmp_path: Path) -> None:
    run = load_run(billed(tmp_path))
    curves, front = accuracy_chart(run), pareto_chart(run)
    assert curves
    assert front
    assert curves.knobs[0].options == ("Time", "Bytes", "Energy", "Money", "Carbon")
    assert front.knobs[0].options == ("Time", "Bytes", "Energy", "Money", "Carbon")
    figure = curves.figures["3|0"]
    valid(figure)
    assert max(figure["data"][0]["x"]) == 6.5
    assert {"accuracy_vs_cost.png", "accuracy_vs_carbon.png"} <= {path.name for path in write_figures(tmp_path)}


def test_the_table_of_measures_marks_the_cheapest(tmp_path: Path) -> None:
    run = load_run(billed(tmp_path))
    columns = {f"{own.group}: {own.name}": own for own in measure_columns(run)}
    assert [cell.best for cell in columns["Money: Cost"].cells] == [False, True]
    assert [cell.text for cell in columns["Money: Cost to target"].cells] == ["3.25 USD", "0.625 USD"]
    assert "Carbon: Emissions to target" not in columns
    assert [cell.best for cell in columns["Carbon: Emissions"].cells] == [False, True]


def test_a_report_and_a_comparison_have_the_section(tmp_path: Path) -> None:
    one, plain = billed(tmp_path / "one", name="one"), fabricate(tmp_path / "plain", name="plain")
    assert "Who pays for what" in Page.of(write_report(one, [])).text
    assert "What it costs" not in Page.of(write_report(plain, [])).text
    both = Page.of(write_comparison([one, plain], tmp_path / "x.html"))
    assert "Who pays for what" in both.text
    assert set(both.charts) >= {"costs", "where"}


def test_a_run_without_prices_has_no_trace_of_them(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path))
    assert run.costs.empty
    assert costs_chart(run) is None
    assert cost_tables(run) == []
    assert not {"Money", "Carbon"} & {own.group for own in measure_columns(run)}


def test_a_table_of_costs_that_lacks_a_column(tmp_path: Path) -> None:
    (billed(tmp_path) / "costs.csv").write_text("algorithm,label,seed\n")
    with pytest.raises(RunError, match=r"costs\.csv: lacks payer, group, phase, item, usd, carbon_kg"):
        load_run(tmp_path)


@pytest.mark.usefixtures("nothing_saved")
def test_money_and_carbon_of_a_sweep(tmp_path: Path) -> None:
    def priced(label: str, place: Any, seed: int) -> dict[str, float | None]:
        found = costs(label, place, seed)
        return found | {"cost_usd": 2.0 * len(label), "carbon_kg": 0.1, "cost_to_target_usd": 1.0 * len(label)}

    axes = {UPLINK: ["1 Mbit/s", "4 Mbit/s"], HEAD: ["1", "2"]}
    folder = fabricate_sweep(tmp_path, axes, ("FL", "SFPrompt"), formula=priced)
    data = sweep_data(load_sweep(folder))
    kinds = {what["column"]: what["kind"] for what in data["measures"]}
    assert (kinds["cost_usd"], kinds["cost_to_target_usd"], kinds["carbon_kg"]) == ("usd", "usd", "kg")
    drawn = {path.stem for path in write_sweep_figures(folder)}
    assert drawn >= {"heat_map_cost_usd", "break_even_cost_to_target_usd", "pareto_cost_usd", "pareto_carbon_kg"}
    write_sweep_report(folder, [])


def test_the_page_of_a_sweep_over_price_lists(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    lists = "[{gpu: 1 USD/h}, {cellular: 2 USD/GB}]"
    (tmp_path / "s.yaml").write_text(f"name: s\nscenario: tiny.yaml\naxes: {{prices: {lists}}}\n")
    out = run_sweep(tmp_path / "s.yaml", dry=True, out=tmp_path / "o", workers=1, console=Console(file=io.StringIO()))
    (axis,) = load_sweep(out).dimensions
    assert axis.texts == ('{"gpu": "1 USD/h"}', '{"cellular": "2 USD/GB"}')


def test_prices_on_an_axis_are_numbers() -> None:
    assert parse_values(["3600 USD/h", "1 USD/s"]) == [1, 1]
    assert parse_values(["1 USD/h", "1 USD/GB"]) == ["1 USD/h", "1 USD/GB"]


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("cost_usd", 0.7261, "0.726 USD"),
        ("cost_to_target_usd", 12345.6, "12,300 USD"),
        ("carbon_kg", 0.000696, "696 mg"),
        ("carbon_to_target_kg", 4.5e-9, "4.5 µg"),
        ("carbon_kg", 2100.0, "2.1 t"),
        ("carbon_kg", 0.0, "0 kg"),
    ],
)
def test_units(column: str, value: float, text: str) -> None:
    assert human(kind_of(column), value) == text
