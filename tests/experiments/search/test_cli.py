"""`sfsim search`: the front in words, or one message and exit status 2."""

from __future__ import annotations

import re
import sys
from functools import partial
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.helpers.commands import Sfsim
from tests.helpers.places import SCENARIOS
from tests.helpers.small_searches import HEAD, LEFT, RATE, new
from tests.helpers.small_sweeps import Write, names

SHIPPED = sorted((SCENARIOS / "searches").glob("*.yaml"))


@pytest.fixture
def search(sfsim: Sfsim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sfsim:
    """`sfsim search search.yaml`, in the folder of the test."""
    monkeypatch.chdir(tmp_path)
    return partial(sfsim, "search", "search.yaml")


@pytest.mark.usefixtures("pictures")
def test_a_search(search: Sfsim, sfsim: Sfsim, write: Write, tmp_path: Path) -> None:
    write(space={HEAD: [0, 1], RATE: ["5 Mbit/s", "20 Mbit/s"]}, trials=4, sampler={"name": "random"})
    status, out, err = search("--dry", "--workers", "1")
    assert (status, err) == (0, "")
    begun, done, everything, heading, first, second, best, report = out.splitlines()
    assert begun == "4 points to look at, 1 at once"
    assert re.fullmatch(r"4 points, 4 of them now: 4 done; the sampler came back to known ones \d+ times", done)
    assert everything == "These are all points of the space"
    said = "Pareto front of the least simulated time and the least work of the server: 2 of 4 points that are done"
    assert heading == said
    assert re.fullmatch(r"1\. head 0, rate 20 Mbit/s: simulated time \d+ ms, work of the server [\d.]+ MFLOP", first)
    assert second.startswith("2. head 1, rate 20 Mbit/s: ")
    assert best == (
        "Best scenario (the best in simulated time), for sfsim run: runs/small/best.yaml, "
        "and all as front-1.yaml to front-2.yaml"
    )
    assert report == "Report: runs/small/report.html"
    folder = tmp_path / "runs" / "small"
    left = sorted([*LEFT, "figures", "front-1.yaml", "front-2.yaml", "report.html"])
    assert names(folder) == left
    assert names(folder / "figures") == ["front.png"]
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert all(text in page for text in ("simulated time", "20 Mbit/s", "How to reproduce"))
    again = search("--dry", "--workers", "1")[1].splitlines()
    assert again[0] == "4 points to look at, of which 4 are known, 1 at once"
    assert again[1].startswith("4 points, 0 of them now: 4 done")
    assert again[2:] == out.splitlines()[2:]
    status, out, err = sfsim("run", "runs/small/best.yaml", "--dry", "--out", "again")
    assert (status, err) == (0, "")
    assert (folder / "best.yaml").read_text().splitlines()[0] == f"# Found by the search small. {first[3:]}"
    status, _, err = sfsim("report", "again")
    assert status == 0, err


@pytest.mark.usefixtures("pictures")
def test_one_objective_ties_and_what_does_not_fit(search: Sfsim, write: Write, tmp_path: Path) -> None:
    """Traffic does not depend on rates: all of them tie."""
    space = {HEAD: [1, 30], RATE: ["5 Mbit/s", "20 Mbit/s"]}
    write(space=space, trials=4, sampler={"name": "random"}, objectives=[{"minimise": "bytes"}])
    status, out, err = search("--dry", "--workers", "1")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    assert lines[1].startswith("4 points, 4 of them now: 2 done, 2 infeasible")
    heading, best = lines[3:5]
    assert heading == "Best for the least traffic, up and down, of 2 points that are done"
    assert re.fullmatch(
        r"head 1, rate (\d+) Mbit/s: traffic, up and down [\d.]+ MB \(a tie with head 1, rate (\d+) Mbit/s\)", best
    )
    folder = tmp_path / "runs" / "small"
    assert names(folder / "figures") == ["history.png"]
    assert [row["front"] for row in new(folder)].count("1") == 2


def test_the_figure_of_a_key_is_its_number(search: Sfsim, write: Write) -> None:
    write(trials=12, sampler={"name": "random"}, objectives=[{"minimise": RATE}, {"minimise": "sim_time_s"}])
    lines = search("--dry", "--workers", "1")[1].splitlines()
    assert lines[3] == "Pareto front of the least rate and the least simulated time: 3 of 12 points that are done"
    assert [line.partition(":")[0] for line in lines[4:7]] == [
        f"{place}. head 0, rate {rate} Mbit/s" for place, rate in enumerate((5, 20, 80), 1)
    ]


def test_without_optuna(search: Sfsim, write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write()
    monkeypatch.setitem(sys.modules, "optuna", None)
    wanted = "sfsim: a search needs Optuna, which is not installed: pip install 'sfsim[search]'\n"
    assert search("--dry") == (2, "", wanted)
    assert not (tmp_path / "runs").exists()


def test_two_searches_in_one_folder(search: Sfsim, write: Write, tmp_path: Path) -> None:
    from filelock import FileLock

    write(trials=1)
    assert search("--dry", "--workers", "1")[0] == 0
    with FileLock(tmp_path / "runs" / "small" / ".lock"):
        status, _, err = search("--dry", "--workers", "1")
    assert status == 2
    assert err.startswith("sfsim: runs/small: another process runs this search already")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("text", ["{", "null\n", '{"op_code": 99, "worker_id": "a"}\n'])
def test_a_journal_that_cannot_be_read(search: Sfsim, write: Write, tmp_path: Path, text: str) -> None:
    write(trials=1)
    assert search("--dry", "--workers", "1")[0] == 0
    journal = tmp_path / "runs" / "small" / "journal.log"
    journal.write_text(text * 2 + journal.read_text())
    status, _, err = search("--dry", "--workers", "1")
    assert status == 2
    assert "journal.log is no journal of Optuna that can be read: remove it" in err
    journal.unlink()
    assert search("--dry", "--workers", "1")[0] == 0


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("run", "search.yaml is a search, not a scenario: `sfsim search` takes it"),
        ("sweep", "search.yaml is a search, not a sweep: `sfsim search` takes it"),
    ],
)
def test_other_commands_say_which_takes_a_search(sfsim: Sfsim, write: Write, command: str, message: str) -> None:
    status, _, err = sfsim(command, write())
    assert status == 2
    assert message in err


def test_a_place_where_nothing_can_be_written(search: Sfsim, write: Write, tmp_path: Path) -> None:
    write()
    for place, said in (("tiny.yaml/x", "what should be its folder is a file"), ("x" * 300, "the name is too long")):
        status, out, err = search("--dry", "--workers", "1", "--out", place)
        assert (status, out, len(err.splitlines())) == (2, "", 1)
        assert said in err
    assert names(tmp_path) == ["search.yaml", "tiny.yaml"]


def test_a_scenario_is_no_search(sfsim: Sfsim, write: Write) -> None:
    status, _, err = sfsim("search", write().with_name("tiny.yaml"))
    assert status == 2
    assert "tiny.yaml is a scenario, not a search: `sfsim run` takes it" in err


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.stem)
def test_what_is_shipped_is_valid(sfsim: Sfsim, file: Path) -> None:
    status, out, err = sfsim("validate", file)
    assert (status, err) == (0, "")
    assert f"{file.name} is a valid search: " in out
    assert file.read_text().startswith("# "), "its first line says which question it answers"
    assert yaml.safe_load(file.read_text())["name"] == file.stem.replace("_", "-")


def test_the_schema(sfsim: Sfsim) -> None:
    status, out, err = sfsim("schema", "search")
    assert (status, err) == (0, "")
    schema = yaml.safe_load(out)
    Draft202012Validator.check_schema(schema)
    for file in SHIPPED:
        said = yaml.safe_load(file.read_text())
        assert list(Draft202012Validator(schema).iter_errors(said)) == []
        assert list(Draft202012Validator(schema).iter_errors(said | {"trails": 1})) != []
    assert sfsim("schema", "serch") == (2, "", 'sfsim: there is no schema of "serch"; did you mean "search"?\n')
