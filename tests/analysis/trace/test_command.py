"""`sfsim trace` writes a file, or says in one message why it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from analysis import write_trace
from tests.helpers.commands import Sfsim
from tests.helpers.ledgers import made, served
from tests.helpers.traces import faults, first, read


def test_names_of_any_script_come_through(tmp_path: Path) -> None:
    folder = made(tmp_path, served((0, 0, 1)), 1)
    for file in ("summary.json", "scenario.yaml"):
        (folder / file).write_text((folder / file).read_text().replace("FL", 'é \\"x\\"'), encoding="utf-8")
    (folder / "ledger" / "FL-0").rename(folder / "ledger" / 'é "x"-0')
    assert first(read(write_trace(folder).path), "M")["args"] == {"name": 'é "x"-0 (fedavg)'}


def broken(folder: Path) -> None:
    (folder / "ledger" / "FL-0" / "engagements.parquet").write_bytes(b"PAR1 and then nothing of the kind PAR1")


def older(folder: Path) -> None:
    path = folder / "ledger" / "FL-0" / "transfers.parquet"
    pd.read_parquet(path).drop(columns="latency").to_parquet(path)
    path = folder / "summary.json"
    path.write_text(path.read_text().replace('"version": "0.1.0"', '"version": "0.0.9"'))


def powerless(folder: Path) -> None:
    path = folder / "ledger" / "FL-0" / "sites.parquet"
    pd.read_parquet(path).drop(columns="idle_w").to_parquet(path)


def elsewhere(folder: Path) -> None:
    path = folder / "ledger" / "FL-0" / "sites.parquet"
    pd.read_parquet(path).replace("pi-0", "phone-0").to_parquet(path)


BAD: dict[str, tuple[Callable[[Path], None], list[str], str]] = {
    "no folder": (lambda _: None, ["nowhere"], "nowhere: there is no such folder"),
    "a sweep": (
        lambda folder: (folder / "points.csv").touch(),
        ["run"],
        "run: this is a sweep's folder; its trials are runs: run/trials/…",
    ),
    "a summary that is none": (
        lambda folder: (folder / "summary.json").write_text("{"),
        ["run"],
        "line 1 column 2 (char 1)\n",
    ),
    "no run": (lambda _: None, ["."], "not a run folder, it has no summary.json"),
    "unknown trial": (lambda _: None, ["run", "--trial", "FL-1"], "no trial 'FL-1'; did you mean 'FL-0'? (there are"),
    "broken table": (broken, ["run"], "engagements.parquet: cannot be read as Parquet"),
    "missing table": (
        lambda folder: (folder / "ledger" / "FL-0" / "rounds.parquet").unlink(),
        ["run"],
        "rounds.parquet: this file is missing",
    ),
    "another version": (older, ["run"], "transfers.parquet: lacks latency; the run is from sfsim 0.0.9, this is 0."),
    "no sites": (
        lambda folder: (folder / "ledger" / "FL-0" / "sites.parquet").unlink(),
        ["run"],
        "sites.parquet: this file is missing, as in runs of earlier versions: run the scenario again",
    ),
    "no watts": (powerless, ["run"], "sites.parquet: lacks idle_w"),
    "other devices": (elsewhere, ["run"], "there is no 'pi-0' among the trial's sites"),
    "not a trace's name": (lambda _: None, ["run", "--out", "run/summary.json"], "the name of a trace ends in"),
    "no place": (lambda _: None, ["run", "--out", "no/where.json.gz"], "cannot be written: No such file or directory"),
    "below a file": (lambda _: None, ["run", "--out", "run/rounds.csv/x.json.gz"], "cannot be written"),
    "a folder": (lambda folder: (folder / "x.json.gz").mkdir(), ["run", "--out", "run/x.json.gz"], "cannot be written"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_mistake_is_one_message_and_leaves_nothing(
    case: str, sfsim: Sfsim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil, arguments, said = BAD[case]
    monkeypatch.chdir(tmp_path)
    spoil(made(tmp_path / "run", served((0, 0, 1), site="pi-0"), 1))
    before = sorted(tmp_path.rglob("*"))
    status, out, err = sfsim("trace", *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("sfsim: ")
    assert said in err
    assert sorted(tmp_path.rglob("*")) == before


def test_the_command(sfsim: Sfsim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    made(tmp_path / "run", served((0, 0, 1)), 1)
    status, out, _ = sfsim("trace", "run")
    assert status == 0
    assert out.startswith("run/trace.json.gz: ")
    assert list(faults(read(tmp_path / "run" / "trace.json.gz"))) == []


def test_the_trace_of_one_trial_leaves_that_of_all_alone(tmp_path: Path) -> None:
    folder = made(tmp_path, served((0, 0, 1)), 1)
    (folder / "trace.json.gz").write_bytes(b"all of them")
    assert write_trace(folder, "FL-0").path == folder / "trace-FL-0.json.gz"
    assert (folder / "trace.json.gz").read_bytes() == b"all of them"
