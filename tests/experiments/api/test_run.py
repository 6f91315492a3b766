"""All trials of a scenario from Python: data frames, figures, the folder, and how the result shows itself."""

from __future__ import annotations

import gc
import html
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest

import simulator as sf
from analysis import load_run
from analysis.verdict import verdict_of_run
from simulator.experiments.plan.explorer.explorer import explorer
from simulator.experiments.run import drawing
from simulator.experiments.run.run import run_scenario
from tests.helpers.places import ROOT


def test_one_row_for_each_trial(run: sf.Run) -> None:
    trials = list(run.summary[["label", "seed"]].itertuples(index=False, name=None))
    assert trials == [("FL", 0), ("FL", 1), ("SFL", 0), ("SFL", 1)]
    assert list(run.rounds["round"]) == [0, 1, 2] * 4


def test_transfers_and_works_add_up_to_the_summary_of_each_trial(run: sf.Run) -> None:
    sent = run.transfers.groupby(["label", "seed"])["bytes"].sum()
    computed = run.works.groupby(["label", "seed"])["flops"].sum()
    for trial in run.summary.itertuples():
        assert sent[trial.label, trial.seed] == trial.bytes_up + trial.bytes_down
        assert computed[trial.label, trial.seed] == trial.client_flops + trial.server_flops


def test_a_trial_alone_is_that_of_the_run(run: sf.Run) -> None:
    trial = sf.run(run.scenario, run.scenario.algorithms[1], 1, True)
    assert trial.rounds[-1].sim_time_s == run.summary["sim_time_s"].iloc[-1]


def test_a_trial_alone_tells_of_each_round(tiny: sf.Scenario) -> None:
    told: list[int] = []
    sf.run(tiny, tiny.algorithms[0], seed=0, dry=True, progress=lambda point: told.append(point.round))
    assert told == [0, 1]


@pytest.mark.parametrize("alone", [{"seed": 0}, {"entry": None, "seed": 1}])
def test_a_trial_needs_both_entry_and_seed(tiny: sf.Scenario, alone: dict[str, int]) -> None:
    with pytest.raises(TypeError, match="entry and seed together"):
        sf.run(tiny, dry=True, **alone)  # type: ignore[call-overload]


def test_one_trial_writes_no_folder(tiny: sf.Scenario, tmp_path: Path) -> None:
    for more in ({"out": tmp_path / "run"}, {"force": True}):
        with pytest.raises(TypeError, match="out and force with all trials only"):
            sf.run(tiny, tiny.algorithms[0], 0, True, **more)  # type: ignore[call-overload]


def test_all_trials_leave_no_devices_out(tiny: sf.Scenario) -> None:
    with pytest.raises(TypeError, match="without for one trial only"):
        sf.run(tiny, dry=True, without=frozenset({"raspberry-pi-4-0"}))  # type: ignore[call-overload]


def test_a_temporary_folder_goes_with_its_result(tiny: sf.Scenario) -> None:
    run = sf.run(tiny, dry=True)
    folder = run.folder
    assert load_run(folder).labels == ["FL", "SFL"]
    del run
    gc.collect()
    assert not folder.parent.exists()


def test_a_named_folder_is_that_of_the_command(tiny: sf.Scenario, tmp_path: Path) -> None:
    folder = sf.run(tiny, dry=True, out=tmp_path / "mine").folder
    gc.collect()
    theirs = run_scenario(tiny, dry=True, out=tmp_path / "theirs")
    assert folder == tmp_path / "mine"
    assert {path.relative_to(folder) for path in folder.rglob("*")} == {
        path.relative_to(theirs) for path in theirs.rglob("*")
    }


def test_a_folder_that_is_taken_is_refused(tiny: sf.Scenario, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="exists and is not empty"):
        sf.run(tiny, dry=True, out=tmp_path)


@pytest.mark.usefixtures("pictures")
def test_the_report_is_drawn_when_it_is_asked_for(tiny: sf.Scenario) -> None:
    run = sf.run(tiny, dry=True)
    assert not (run.folder / "report.html").exists()
    assert run.report() == run.folder / "report.html"
    assert "SFL" in run.report().read_text(encoding="utf-8")


@pytest.mark.usefixtures("pictures")
def test_its_page_has_sliders(tiny: sf.Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "explorer", explorer)  # which other tests do without
    assert 'id="whatif"' in sf.run(tiny, dry=True).report().read_text(encoding="utf-8")


def test_figures_are_pictures_that_a_notebook_shows(run: sf.Run) -> None:
    for figure in (run.plot_where(), run.plot_accuracy("bytes"), run.plot_loss("bytes")):
        assert figure._repr_png_().startswith(b"\x89PNG")


def test_accuracy_over_rounds_has_a_step_for_each(tiny: sf.Scenario) -> None:
    run = sf.run(tiny.with_(training__rounds=3), dry=False)
    (line, *_) = [line for line in run.plot_accuracy("rounds").axes[0].get_lines() if line.get_gid() == "curve"]
    assert list(line.get_xdata()) == [0, 1, 2, 3]
    assert list(line.get_ydata()) == list(run.rounds["accuracy"][run.rounds["label"] == "FL"])


def test_accuracy_over_what_there_is_not(run: sf.Run) -> None:
    with pytest.raises(ValueError, match=r'drawn over "tiem"; did you mean "time"\? \(allowed: time, bytes, '):
        run.plot_accuracy("tiem")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r'drawn over "money": the scenario has no prices'):
        run.plot_accuracy("money")
    with pytest.raises(ValueError, match='loss cannot be drawn over "money": the scenario has no prices'):
        run.plot_loss("money")


class Cells(HTMLParser):
    """The texts of the cells of a table, row by row; a tag that is not closed is an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag != "br":
            self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if {"td", "th"} & set(self.open):
            self.rows[-1][-1] += data


def test_html_and_text_have_the_same_cells(run: sf.Run) -> None:
    cells = Cells(run._repr_html_()).rows
    assert cells[0] == ["", "accuracy", "time", "up", "down", "work", "energy"]
    assert [row[0] for row in cells[1:]] == ["FL", "SFL"]
    lines = [line.split() for line in str(run).splitlines()]
    for row in cells:
        assert " ".join(row).split() in lines


def test_the_verdict_is_that_of_the_folder_and_is_shown(run: sf.Run) -> None:
    verdict = verdict_of_run(load_run(run.folder))
    assert run.verdict == verdict
    assert str(verdict) in str(run)
    for sentence in verdict.sentences:
        assert html.escape(sentence) in run._repr_html_()


def test_labels_are_text_and_not_markup_or_tags(tiny: sf.Scenario) -> None:
    """A label cannot have brackets, but a sentence may."""
    run = sf.run(tiny, dry=True)
    run.notes.append("a < b [bold] & c")
    assert "a &lt; b [bold] &amp; c" in run._repr_html_()
    assert "a < b [bold] & c" in str(run)


def test_nothing_is_printed_where_nobody_watches(tiny: sf.Scenario, capfd: pytest.CaptureFixture[str]) -> None:
    sf.run(tiny, dry=True)
    assert capfd.readouterr() == ("", "")


def test_progress_in_a_log_has_a_line_for_each_trial(tiny: sf.Scenario, capfd: pytest.CaptureFixture[str]) -> None:
    sf.run(tiny, dry=True, progress=True)
    lines = [line for line in capfd.readouterr().out.splitlines() if line.strip()]
    assert [line.partition(":")[0] for line in lines] == ["FL", "SFL"]


def test_notes_tell_what_the_command_would_print(tiny: sf.Scenario) -> None:
    small = tiny.with_({"world.devices.0.memory": "1 MB", "world.on_oom": "skip", "training.clients_per_round": 4})
    small = small.with_(training__rounds=2)
    assert any("6 of 10 devices are too small for FL" in note for note in sf.run(small, dry=True).notes)


def test_to_import_the_package_is_light() -> None:
    code = "import sys, simulator; print(*({'torch', 'pandas', 'matplotlib', 'numpy', 'pydantic'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []


def test_every_public_name_is_there() -> None:
    for name in sf.__all__:
        assert getattr(sf, name) is not None
    assert set(sf.__all__) <= set(dir(sf))
