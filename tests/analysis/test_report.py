"""The report of a run says what the run says, in its table and in its figures, and needs nothing but itself."""

from __future__ import annotations

import json
from importlib.metadata import version
from pathlib import Path

import pytest

from analysis import RunError, accuracy_curve, device_shares, load_run, style, write_report
from analysis.columns import PARTICIPANTS_COLUMNS
from analysis.interactive.curves import accuracy_chart, accuracy_figure
from analysis.interactive.labels import labels_chart
from analysis.interactive.timeline import rounds_of, timeline_chart, timeline_figure
from analysis.interactive.totals import totals_chart, totals_figure
from analysis.interactive.where import where_figure
from analysis.measures import essential_columns, measure_columns, rounds_said
from analysis.quantities import measure_of
from analysis.spans import read_timeline
from analysis.verdict import verdict_of_run
from simulator.settings.humanize import scale
from tests.helpers.commands import Sfsim
from tests.helpers.reports import MOST_BYTES, Page, valid
from tests.helpers.run_folders import fabricate
from tests.helpers.sweep_folders import UPLINK, fabricate_sweep


def page(folder: Path) -> Page:
    return Page.of(write_report(folder, []))


def test_the_report_is_one_file_that_asks_for_nothing(tmp_path: Path) -> None:
    found = page(fabricate(tmp_path, seeds=(0, 1)))
    assert found.requested == []
    assert "default-src 'none'" in found.policy
    assert len(found.html.encode()) < MOST_BYTES
    assert [path.name for path in tmp_path.glob("*report*")] == ["report.html"]


def test_it_holds_question_measures_captions_scenario_and_environment(tmp_path: Path) -> None:
    text = page(fabricate(tmp_path, seeds=(0, 1))).text
    for words in ("most accurate?", "Final accuracy", "Time to target", "of which provisioning", "Peak memory",
                  "Look for the widest piece", "sfsim run scenario.yaml", "clients_per_round: 2", "packages.torch",
                  "means over 2 seeds", "count one multiply-add as two", "3 × pi", "Seeds 0, 1"):  # fmt: skip
        assert words in text
    assert "dry run" not in text


def test_it_begins_with_the_verdict_and_the_world(tmp_path: Path) -> None:
    folder = fabricate(tmp_path, seeds=(0, 1), rounds=8)
    found = page(folder)
    verdict = verdict_of_run(load_run(folder))
    places = [found.text.index(words) for words in (*verdict.sentences, "3 × pi", "Measures")]
    assert places == sorted(places)
    assert found.tags.index("svg") < found.tags.index("table")


def test_names_are_escaped(tmp_path: Path) -> None:
    found = page(fabricate(tmp_path, labels=("<b>bold", "</script>"), rounds=1, name="<i>odd</i>"))
    assert not {"b", "i"} & set(found.tags)
    assert found.tags.count("script") == 3
    assert set(found.charts) == {"accuracy", "pareto", "where", "timeline", "queue"}


def test_a_dry_run_says_that_it_has_no_accuracy(tmp_path: Path) -> None:
    found = page(fabricate(tmp_path, dry=True))
    assert set(found.charts) == {"totals", "where", "timeline", "queue"}
    assert "sfsim run scenario.yaml --dry" in found.text
    assert "accuracy" not in [name.lower() for name in found.headings]
    assert "nan" not in found.text.lower()
    assert "None" not in found.text


def test_every_figure_is_one_that_plotly_knows(tmp_path: Path) -> None:
    for folder in (fabricate(tmp_path / "real", seeds=(0, 1)), fabricate(tmp_path / "dry", dry=True)):
        for chart in page(folder).charts.values():
            for figure in chart["figures"].values():
                valid(figure)


def test_one_round_of_one_algorithm(tmp_path: Path) -> None:
    folder = fabricate(tmp_path, labels=("FL",), rounds=1, devices=1, per_round=1, target=None)
    found = page(folder)
    assert 'class="best' not in found.html
    assert "Seed 0 " in found.text


@pytest.mark.usefixtures("pictures")
def test_without_figures_at_hand_they_are_drawn_and_named(tmp_path: Path) -> None:
    folder = fabricate(tmp_path, labels=("FL",), rounds=1, devices=1, per_round=1)
    assert "figures/where_it_goes.png" in Page.of(write_report(folder)).text
    assert (folder / "figures" / "where_it_goes.png").exists()


def test_a_ledger_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = fabricate(tmp_path)
    (folder / "ledger" / "FL-0" / "works.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(RunError, match=r"FL-0/works\.parquet: cannot be read as Parquet"):
        write_report(folder, [])


@pytest.mark.parametrize(
    ("kind", "said"),
    [("run", "0.0.9"), ("sweep", "0.0.9"), ("run", ""), pytest.param("sweep", "", marks=pytest.mark.slow)],
)
def test_what_another_version_wrote_is_drawn_and_said_to_be(tmp_path: Path, sfsim: Sfsim, kind: str, said: str) -> None:
    folder = tmp_path / "old"
    fabricate(folder) if kind == "run" else fabricate_sweep(folder, {UPLINK: ["1 Mbit/s", "2 Mbit/s"]})
    mine = version("sfsim")
    for path in [folder / "sweep.yaml"] * (kind == "sweep") + list(folder.rglob("summary.json")):
        path.write_text(path.read_text().replace("0.1.0", said))
    note = f"written by sfsim {said or '(no version)'}, and this is {mine}: it may have counted otherwise"
    assert sfsim("report", str(folder)) == (0, f"{folder} was {note}\nReport: {folder / 'report.html'}\n", "")
    assert note in Page.of(folder / "report.html").text


def test_a_folder_of_another_version_that_cannot_be_read_says_so(tmp_path: Path) -> None:
    folder = fabricate(tmp_path)
    head = json.loads((folder / "summary.json").read_text())
    del head["trials"][0]["sim_time_s"]
    (folder / "summary.json").write_text(json.dumps(head | {"version": "9.9.9"}))
    with pytest.raises(RunError, match=r"lacks sim_time_s; the run is from sfsim 9\.9\.9, this is"):
        write_report(folder, [])


def test_measures_show_means_spreads_and_the_best(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path, labels=("FL", "SFPrompt"), seeds=(0, 1), rounds=8))
    columns = {(column.group, column.name): column.cells for column in measure_columns(run)}
    accuracy = run.summary.groupby("label")["final_accuracy"].mean()
    fl, prompt = columns["Learning", "Final accuracy"]
    assert fl.text.startswith(f"{100 * accuracy['FL']:.1f}")
    assert fl.value == pytest.approx(accuracy["FL"])
    assert "± 0.7 %" in fl.text
    assert (fl.best, prompt.best) == (True, False)  # more is better
    assert [cell.best for cell in columns["Learning", "Trainable parameters"]] == [False, True]  # less is better
    assert [cell.best for cell in columns["Traffic", "of which provisioning"]] == [True, False]


def test_a_label_that_reached_the_target_with_some_seeds_only_is_never_the_best(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path, seeds=(0, 1), rounds=8))
    run.summary.loc[(run.summary["label"] == "SFPrompt") & (run.summary["seed"] == 1), "time_to_target_s"] = None
    run.summary.loc[(run.summary["label"] == "SFPrompt") & (run.summary["seed"] == 0), "time_to_target_s"] = 1.0
    (cells,) = (column.cells for column in measure_columns(run) if column.name == "Time to target")
    assert [cell.best for cell in cells] == [True, False]
    assert cells[1].text == "1 s (1 of 2 seeds)"


@pytest.mark.parametrize("same", [True, False])
def test_figures_that_read_the_same_are_equally_good(tmp_path: Path, same: bool) -> None:
    run = load_run(fabricate(tmp_path, labels=("A", "B", "C"), algorithms=("fedavg",), rounds=1))
    run.summary["sim_time_s"] = [10.0, 10.001, 10.0 if same else 20.0]
    (cells,) = (column.cells for column in measure_columns(run) if column.name == "Simulated time")
    assert [cell.best for cell in cells] == ([False] * 3 if same else [True, True, False])


@pytest.mark.parametrize("measured", [True, False])
def test_personal_accuracy_is_shown_where_it_was_measured(tmp_path: Path, measured: bool) -> None:
    run = load_run(fabricate(tmp_path))
    for frame in (run.summary, run.rounds):
        frame["personal_accuracy"] = 0.5 if measured else None
    names = [column.name for column in measure_columns(run)]
    assert ("Personal accuracy" in names) == measured
    assert "Personal, worst decile" not in names
    if measured:
        (line, _) = accuracy_figure(run, "time", "personal_accuracy")["data"]
        assert set(line["y"]) == {0.5}


def test_nothing_is_personal_where_devices_share_a_model(tmp_path: Path) -> None:
    """A run that tells how many models there are shows personal accuracies only if some algorithm has several."""
    run = load_run(fabricate(tmp_path))
    for frame in (run.summary, run.rounds):
        frame["personal_accuracy"] = 0.5
    for models, expected in (([1, 1], False), ([1, 3], True)):
        run.summary["personal_models"] = models
        chart = accuracy_chart(run)
        assert chart is not None
        assert ("Personal accuracy" in [column.name for column in measure_columns(run)]) == expected
        assert ("Personal" in chart.knobs[1].options) == expected


def test_the_first_table_has_what_a_reader_in_a_hurry_wants(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path))
    run.summary["first_round_s"], run.summary["later_round_s"] = 2.0, 1.0
    columns = measure_columns(run)
    names = [(column.group, column.name) for column in essential_columns(columns)]
    assert names == [
        *(("Learning", "Settled accuracy"), ("Learning", "80 % held after")),
        *(("Time", "Simulated time"), ("Time", "First round"), ("Time", "Later round"), ("Traffic", "Sent in all")),
        *(
            ("Energy", "Devices"),
            ("Energy", "Server"),
            ("Peak memory", "of a device"),
            ("Peak memory", "of the server"),
        ),
    ]
    assert len(columns) > len(names)


def test_first_and_later_rounds_are_explained_as_far_as_they_differ(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path))
    assert rounds_said(run) == "", "a run of an earlier version"
    run.summary["first_round_s"], run.summary["bytes_provisioning"] = 2.0, 0.0
    assert "once" not in rounds_said(run)
    assert "No round of this run was a later one." in rounds_said(run)
    run.summary["later_round_s"], run.summary["bytes_provisioning"] = 1.0, [0.0, 5.0]
    assert "What is sent to each device once weighs on a short run" in rounds_said(run)
    assert "No round" not in rounds_said(run)


def test_an_accuracy_says_on_how_many_samples_it_was_measured(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path))
    run.summary["evaluated_samples"] = 200
    (cells,) = (column.cells for column in measure_columns(run) if column.name == "Settled accuracy")
    assert [cell.note for cell in cells] == ["of 200", "of 200"]


@pytest.mark.parametrize("measured", [True, False])
def test_participants_are_shown_beside_all_devices_where_they_were_measured(tmp_path: Path, measured: bool) -> None:
    run = load_run(fabricate(tmp_path))
    for frame in (run.summary, run.rounds):
        frame["personal_accuracy"] = 0.5
        for column in PARTICIPANTS_COLUMNS:
            frame[column] = 0.75 if measured else None
    names = [column.name for column in measure_columns(run)]
    assert ("Personal, participants" in names) == ("Participants, worst decile" in names) == measured
    chart = accuracy_chart(run)
    assert chart is not None
    assert ("Personal, participants" in chart.knobs[1].options) == measured
    assert ("participants are those that were in a cohort" in chart.caption) == measured


def test_lines_are_the_curves(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path, seeds=(0, 1)))
    traces = accuracy_figure(run, "bytes")["data"]
    curve = accuracy_curve(run, "SFPrompt", "bytes")
    low, high, line = (trace for trace in traces if trace["legendgroup"] == "SFPrompt")
    divisor = scale("bytes", max(accuracy_curve(run, label, "bytes")["x"].max() for label in run.labels)).divisor
    assert line["x"] == pytest.approx(list(curve["x"] / divisor), rel=1e-5)
    assert [low["y"], line["y"], high["y"]] == [
        pytest.approx(list(curve[name]), rel=1e-5) for name in ("low", "mean", "high")
    ]


def test_labels_that_are_alike_but_for_their_middle_stay_apart(tmp_path: Path) -> None:
    labels = [f"quickstart-{number}: {name}" for number in (1, 2) for name in ("SFL+Linear", "FL")]
    run = load_run(fabricate(tmp_path, labels))
    bars = where_figure(run, "seconds", "time of the devices")["layout"]["yaxis"]["ticktext"]
    totals = [trace["y"][0] for trace in totals_figure(run, measure_of(run.summary, "bytes"))["data"]]
    assert bars == totals == labels
    assert style.shortened_apart(["a" * 40, "b" * 40], 11) == ["aaaaa…aaaaa", "bbbbb…bbbbb"]


def test_long_curves_keep_their_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.interactive.curves._MOST_STEPS_A_LINE", 60)
    run = load_run(fabricate(tmp_path, labels=("FL",), rounds=62, batches=1, devices=1, per_round=1))
    (line,) = accuracy_figure(run, "time")["data"]
    curve = accuracy_curve(run, "FL", "time")
    assert len(line["x"]) == 60
    assert (line["y"][0], line["y"][-1]) == pytest.approx((curve["mean"].iloc[0], curve["mean"].iloc[-1]), rel=1e-5)


def test_pieces_of_the_bars_are_the_shares(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path))
    shares = device_shares(run, "bytes")
    figure = where_figure(run, "bytes", "traffic of the devices")
    divisor = scale("bytes", shares.groupby("label")["bytes"].sum().max()).divisor
    drawn = {
        (label, trace["meta"]["phase"], trace["meta"]["activity"]): value * divisor
        for trace in figure["data"]
        for label, value in zip(run.labels, trace["x"], strict=True)
        if value
    }
    wanted = {(row["label"], row["phase"], row["activity"]): row["bytes"] for row in shares.to_dict("records")}
    assert drawn == pytest.approx(wanted, rel=1e-5)


def test_totals_are_the_means_of_the_summary(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path, dry=True, seeds=(0, 1)))
    figure = totals_figure(run, measure_of(run.summary, "bytes"))
    means = (run.summary["bytes_up"] + run.summary["bytes_down"]).groupby(run.summary["label"], sort=False).mean()
    divisor = scale("bytes", means.max()).divisor
    assert [trace["x"][0] * divisor for trace in figure["data"]] == pytest.approx(list(means), rel=1e-5)
    assert totals_chart(run).knobs[0].options[:3] == ("Time", "Bytes", "Energy")


def test_bars_of_the_timeline_are_the_works_and_transfers_of_the_round(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path))
    timeline = read_timeline(run, "SFPrompt", 2)
    figure = timeline_figure(timeline)
    spans = sum(len(own) for site in timeline.sites for _, own in site.lanes)
    assert sum(len(trace["x"]) for trace in figure["data"]) == spans
    divisor = scale("seconds", timeline.seconds).divisor
    ends = [base + width for trace in figure["data"] for base, width in zip(trace["base"], trace["x"], strict=True)]
    assert max(ends) * divisor == pytest.approx(timeline.seconds, rel=1e-5)


def test_a_timeline_of_very_many_works_joins_what_lies_close(tmp_path: Path) -> None:
    timeline = read_timeline(load_run(fabricate(tmp_path, batches=60)), "SFPrompt", 2)
    few, all_ = (timeline_figure(timeline, most) for most in (200, 10**6))
    bars, every = (sum(len(trace["x"]) for trace in figure["data"]) for figure in (few, all_))
    assert bars <= 200 < every
    assert "pieces, busy for" in json.dumps(few["data"])


def test_a_chart_has_a_round_of_each_label_and_a_map_only_if_classes_are_told(tmp_path: Path) -> None:
    run = load_run(fabricate(tmp_path))
    assert timeline_chart(rounds_of(run)).knobs[0].options == ("FL", "SFPrompt")
    assert labels_chart({"made up": run}) is None
