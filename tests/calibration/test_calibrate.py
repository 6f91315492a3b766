"""Calibration: what a table says is what a simulation takes, and the file that is written is the one that is read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from simulator.accounting.costs import Cost
from simulator.calibration import calibrate as calibration
from simulator.calibration.calibrate import Machine, save, timed, unknown, written
from simulator.calibration.timing import Laps, sizes_up_to
from simulator.experiments.trial.build import structure
from simulator.scenario import hardware as catalogue
from simulator.scenario.scenario import ScenarioError, load
from tests.helpers.commands import SCENARIO, Sfsim, files
from tests.helpers.small_trials import outcomes, scenario

pytestmark = pytest.mark.usefixtures("small_model")

TABLE = {"Block 5f8d972a66 forward": ((1, 0.002), (32, 0.0625)), "Head 9b54f36e15 sgd": ((1, 7.5e-05),)}
FOUND = Machine(13.5e9, 7.25e9, 4 * 2**30, TABLE, "a processor, 1 thread", "2026-11-20")
WATTS = {"idle": "3 W", "compute": "9 W"}
SECONDS = {"infer": 1.0, "forward": 2.0, "backward": 4.0, "sgd": 16.0, "adamw": 32.0}
"""Of every piece of a hand-written table, whatever the batch."""


@pytest.fixture
def sfsim(sfsim: Sfsim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sfsim:
    """The command, where there is but a scenario."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    return sfsim


def table(*costs: Cost, seconds: Callable[[str], float] = lambda way: SECONDS[way]) -> dict[str, Any]:
    """A table of all that these costs are made of."""
    names = {piece.what for cost in costs for piece in cost.made_of}
    return {name: [[1, seconds(name.split()[-1])], [32, seconds(name.split()[-1])]] for name in sorted(names)}


def table_of(folder: Path, label: str) -> dict[str, Any]:
    """A hand-written table with all that an entry of the small scenario computes."""
    small = scenario(folder, [label])
    (entry,) = small.algorithms
    model = structure(small, entry)
    pieces = model.sizes(model.whole, (1, 3, 8, 8)).pieces
    steps = tuple(model.steps(model.whole, entry.training.optimizer).values())
    return table(Cost(made_of=pieces.infer + pieces.forward + pieces.backward + steps))


def devices(found: dict[str, Any]) -> dict[str, Any]:
    """A world of calibrated devices."""
    return {"devices": [{"name": "raspberry-pi-4", "count": 100, "table": found}]}


# What a table does to a trial.


def test_a_step_of_fl_takes_the_sum_of_its_stages(tmp_path: Path) -> None:
    small = scenario(tmp_path, ["fl"], world=devices(table_of(tmp_path, "fl")))
    rows = [row for row in outcomes(small, dry=True)["fl"].ledger.works if row.work == "train_step"]
    stages = 4 + 2  # blocks, embedding, head
    assert len(rows) == 2 * 2 * 2  # rounds, clients, batches of 8 and 6
    assert {round(row.seconds, 9) for row in rows} == {stages * (2.0 + 4.0 + 16.0)}


def test_the_body_of_a_cut_takes_the_seconds_of_its_server(tmp_path: Path) -> None:
    known = {"world": {"server": {"name": "rtx-4090", "table": table_of(tmp_path, "v1")}}}
    works = outcomes(scenario(tmp_path, ["v1"], **known), dry=True)["v1"].ledger.works
    body = 2  # of four blocks one is in the head and one in the tail
    rows = {(row.work, round(row.seconds, 9)) for row in works if row.site == "server" and row.work != "weighted_mean"}
    assert rows == {("forward", body * 2.0), ("backward", body * 4.0), ("step", body * 16.0)}


def test_what_is_not_in_the_table_takes_what_it_takes_without_one(tmp_path: Path) -> None:
    known = table_of(tmp_path, "fl-linear")
    plain = outcomes(
        scenario(tmp_path, ["fl"], world={"devices": [{"name": "raspberry-pi-4", "count": 100}]}), dry=True
    )
    tabled = outcomes(scenario(tmp_path, ["fl"], world=devices(known)), dry=True)
    assert tabled["fl"].ledger == plain["fl"].ledger


@pytest.mark.parametrize("label", ["fl", "fl-linear", "v1", "v2-sent", "sfp", "prox"])
def test_dry_is_real_by_a_table(label: str, tmp_path: Path) -> None:
    small = scenario(tmp_path, [label], world=devices(table_of(tmp_path, label)))
    dry, real = (outcomes(small, dry)[label] for dry in (True, False))
    assert dry.ledger == real.ledger
    device = {
        round(row.seconds, 9) for row in real.ledger.works if row.site != "server" and row.work != "proximal_step"
    }
    assert device
    assert all(seconds == int(seconds) for seconds in device), "everything on devices comes from the table"


def test_a_table_stays_in_the_resolved_scenario_and_none_leaves_no_trace(tmp_path: Path) -> None:
    small = scenario(tmp_path, ["fl"], world=devices(table_of(tmp_path, "fl")))
    (tmp_path / "again.yaml").write_text(small.resolved())
    again = load(tmp_path / "again.yaml")
    assert again == small
    assert again.world.devices[0].table == small.world.devices[0].table != {}
    assert "table" not in scenario(tmp_path, ["fl"]).resolved()


# What a user is told.


def test_a_table_that_has_all_is_not_worth_a_word(tmp_path: Path) -> None:
    assert not list(unknown(scenario(tmp_path, ["fl"])))
    assert not list(unknown(scenario(tmp_path, ["fl"], world=devices(table_of(tmp_path, "fl")))))


def test_a_table_of_something_else_is_told(tmp_path: Path) -> None:
    small = scenario(tmp_path, ["fl", "fl-linear", "v1"], world=devices({"Block 0 forward": [[1, 1.0]]}))
    said = list(unknown(small))
    assert [f"of {label}:" in line for label, line in zip(("fl", "fl-linear", "v1"), said, strict=True)] == [True] * 3
    assert all("The table of raspberry-pi-4 has none of the pieces of work" in line for line in said)


def test_a_table_that_has_a_part_is_told(tmp_path: Path) -> None:
    (line,) = unknown(scenario(tmp_path, ["fl-bias"], world=devices(table_of(tmp_path, "fl-linear"))))
    assert "has none of the pieces of work of fl-bias" in line
    some = {name: rows for name, rows in table_of(tmp_path, "fl").items() if name.startswith("Block")}
    (line,) = unknown(scenario(tmp_path, ["fl"], world=devices(some)))
    assert "has 3 of 9 of the pieces of work of fl" in line


# The file.


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    save(tmp_path / "mine.yaml", written("mine", FOUND, WATTS))
    (name, entry), *others = catalogue.read(tmp_path / "mine.yaml")["devices"].items()
    assert (name, others) == ("mine", [])
    figures = dict(catalogue.figures(entry))
    assert figures.pop("power.idle").value == "3 W"
    assert figures.pop("power.compute").value == "9 W"
    assert {figure.mark for figure in figures.values()} == {"measured"}
    assert {figure.date for figure in figures.values()} == {"2026-11-20"}
    assert all(figure.source for figure in figures.values())
    with catalogue.joined(str(tmp_path / "mine.yaml")):
        device = calibration_device(tmp_path)
    assert (device.flops_per_s, device.memory_bandwidth, device.memory) == (13.5e9, 7.25e9, 4 * 2**30)
    assert device.table == TABLE
    assert (device.power.idle, device.power.compute) == (3.0, 9.0)


def calibration_device(folder: Path) -> Any:
    small = scenario(folder, ["fl"], world={"devices": [{"name": "mine", "count": 100}]})
    return small.world.devices[0]


def test_what_is_not_known_must_be_said(tmp_path: Path) -> None:
    save(tmp_path / "mine.yaml", written("mine", Machine(1e9, 1e9, None, TABLE, "x")))
    with (
        catalogue.joined(str(tmp_path / "mine.yaml")),
        pytest.raises(ScenarioError, match='of "mine", so it must give its memory, power itself'),
    ):
        calibration_device(tmp_path)


def test_a_file_is_there_in_full_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "mine.yaml", "one")
    monkeypatch.setattr("os.replace", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save(tmp_path / "mine.yaml", "two")
    assert files(tmp_path) == ["mine.yaml"]
    assert (tmp_path / "mine.yaml").read_text() == "one"


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        ("[[1, -0.002], [32, 0.0625]]", 'its "Block 5f8d972a66 forward" must be a list of [samples, seconds]'),
        ("[[1, 0.002], [32]]", 'its "Block 5f8d972a66 forward" must be a list of [samples, seconds]'),
        ("", 'its "Block 5f8d972a66 forward" must be a list of [samples, seconds]'),
        ("[[32, 0.002], [1, 0.0625]]", "must have its rows in the order of their samples"),
    ],
)
def test_a_broken_table_is_one_message(broken: str, said: str, tmp_path: Path) -> None:
    text = written("mine", FOUND, WATTS)
    assert text.count("[[1, 0.002], [32, 0.0625]]") == 1
    (tmp_path / "mine.yaml").write_text(text.replace("[[1, 0.002], [32, 0.0625]]", broken))
    with pytest.raises(ScenarioError) as error:
        scenario(tmp_path, ["fl"], world={"catalogue": "mine.yaml"})
    (line,) = str(error.value).splitlines()
    assert "mine.yaml, line 12: devices.mine.table: " in line
    assert said in line


def test_a_file_that_is_cut_off_is_one_message(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(written("mine", FOUND, WATTS)[:-20])
    with pytest.raises(ScenarioError, match="this is not complete, valid YAML"):
        scenario(tmp_path, ["fl"], world={"catalogue": "mine.yaml"})


# The command.

SMALL = ("--repeats", "1", "--set", "training.batch_size=5")


@pytest.mark.parametrize(("most", "sizes"), [(1, [1]), (2, [1, 2]), (5, [1, 2, 4, 5]), (32, [1, 2, 4, 8, 16, 32])])
def test_sizes(most: int, sizes: list[int]) -> None:
    assert sizes_up_to(most) == sizes


def test_a_scenario_on_the_calibrated_machine(sfsim: Sfsim, tmp_path: Path) -> None:
    power = ("--idle-power", "3 W", "--compute-power", "9 W")
    status, out, err = sfsim("calibrate", "tiny.yaml", "--out", "mine.yaml", *power, *SMALL)
    assert (status, err) == (0, "")
    assert out.startswith("mine.yaml has mine: ")
    assert "must be given" not in out
    assert files(tmp_path) == ["mine.yaml", "tiny.yaml"]
    data = yaml.safe_load((tmp_path / "tiny.yaml").read_text())
    data["world"] = {"catalogue": "mine.yaml", "devices": [{"name": "mine", "count": 70}], "server": {"name": "mine"}}
    data["training"]["batch_size"] = 5
    (tmp_path / "on-mine.yaml").write_text(yaml.safe_dump(data))
    status, out, err = sfsim("validate", "on-mine.yaml")
    assert (status, err) == (0, "")
    assert out == "on-mine.yaml is a valid scenario: 3 trials (FL, SFL, SFP) on 70 devices\n"
    on_mine = load(tmp_path / "on-mine.yaml")
    times = on_mine.world.server.table
    assert times
    assert {len(rows) for name, rows in times.items() if name.endswith(" backward")} == {len(sizes_up_to(5))}
    status, out, err = sfsim("list", "devices", "--catalogue", "mine.yaml", "--match", "mine", "--sources")
    assert (status, err) == (0, "")
    assert f"{len(times)} pieces of work" in out


def test_steps_and_means_are_timed_as_the_scenario_has_them(tmp_path: Path) -> None:
    (job,) = timed(scenario(tmp_path, ["fl"], training={"local_epochs": 3}), "cpu")
    assert job.updates == 2  # clients in a round
    assert job.steps == 3 * 2  # epochs, and batches of 8 and 6


def test_other_works_than_the_tables_are_told(sfsim: Sfsim, tmp_path: Path) -> None:
    save(tmp_path / "mine.yaml", written("mine", FOUND, WATTS))
    world = ("--set", "world.catalogue=mine.yaml", "--set", "world.server={name: mine}")
    status, out, err = sfsim("validate", "tiny.yaml", *world)
    assert (status, err) == (0, "")
    assert out.count("The table of mine has none of the pieces of work of") == 3
    assert out.startswith("tiny.yaml is a valid scenario")


def test_what_is_alike_in_two_entries_is_timed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[Laps] = []
    monkeypatch.setattr("simulator.calibration.timing.Timed.round", lambda timed, laps: rounds.append(laps))
    monkeypatch.setattr(calibration, "machine", lambda scenario, laps, whole, how: FOUND)
    told: list[tuple[int, int]] = []
    small = scenario(tmp_path, ["fl", "v1", "v2", "fl-linear", "prox"])
    calibration.calibrate(small, 3, lambda done, of: told.append((done, of)))
    assert told == [(number, 8) for number in range(1, 9)]  # full and linear, each 3 times and once to warm up
    assert [sum(laps is kept for laps in rounds) for kept in (rounds[1], rounds[0])] == [6, 1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tiny.yaml", "--out", "tiny.yaml"], "tiny.yaml exists: name another file with --out, or say --force"),
        (["tiny.yaml", "--out", "."], ". is a folder"),
        (["tiny.yaml", "--out", "no/mine.yaml"], "there is no folder no to write mine.yaml into"),
        (["tiny.yaml", "--idle-power", "3 W"], "--idle-power and --compute-power go together"),
        (["tiny.yaml", "--idle-power", "3", "--compute-power", "9 W"], "--idle-power is 3: it has no unit"),
        (["tiny.yml"], "tiny.yml: there is no such file"),
        (["tiny.yaml", "--set", "training.rounds=two"], 'training.rounds is "two": it must be a whole number'),
    ],
)
def test_a_mistake_is_one_message(
    arguments: list[str],
    said: str,
    sfsim: Sfsim,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calibration, "calibrate", lambda *_: FOUND)
    status, out, err = sfsim("calibrate", *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert said in err
    assert files(tmp_path) == ["tiny.yaml"]


def test_ctrl_c_leaves_nothing(sfsim: Sfsim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(calibration, "calibrate", interrupted)
    assert sfsim("calibrate", "tiny.yaml") == (130, "", "sfsim: stopped; nothing was written\n")
    assert files(tmp_path) == ["tiny.yaml"]
