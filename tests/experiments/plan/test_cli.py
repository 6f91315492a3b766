"""`sfsim plan`: a table, answers in words, a file of SI units; or one message and exit status 2."""

from __future__ import annotations

import csv
import math
import re
from functools import partial
from pathlib import Path

import pytest

from simulator.experiments.run.tables import summarise
from simulator.experiments.trial.trial import run
from simulator.scenario.scenario import load
from tests.helpers.commands import Sfsim

SCENARIO = """\
name: tiny
world:
  provisioning: preinstalled
  devices:
    - {name: raspberry-pi-4, count: 2, uplink: {rate: 20 Mbit/s}, downlink: {rate: 20 Mbit/s}}
    - {name: jetson-nano, count: 2, uplink: {rate: 20 Mbit/s}, downlink: {rate: 20 Mbit/s}}
  server: {name: rtx-4090}
model: {name: random, image_size: 8}
data: {name: synthetic, samples: 8000, test_samples: 20, classes: 5}
training: {rounds: 3, clients_per_round: 4, batch_size: 500, optimizer: {name: sgd, learning_rate: 0.05}}
algorithms:
  - {name: fedavg, label: FL}
  - {name: splitfed, label: SFL, head: 1, tail: 1}
"""
EACH = 2000
"""Samples of a device."""


@pytest.fixture
def plan(sfsim: Sfsim, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sfsim:
    """`sfsim plan tiny.yaml`, in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "tiny.yaml").write_text(SCENARIO)
    return partial(sfsim, "plan", "tiny.yaml")


def sent(label: str, samples: int) -> int:
    """Bytes of one round, both ways, as a dry run of so many samples a device says."""
    changed = [f"data.samples={4 * samples}", "training.rounds=1", "data.partition={name: iid}"]
    scenario = load(Path("tiny.yaml"), changed)
    (entry,) = (entry for entry in scenario.algorithms if entry.label == label)
    summary = summarise(run(scenario, entry, scenario.seeds[0], dry=True), None)
    return int(summary["bytes_up"] + summary["bytes_down"])


def test_a_plan(plan: Sfsim, tmp_path: Path) -> None:
    """FL sends the same however many samples there are; SFL's bytes grow by the same with each of them."""
    status, out, err = plan("--out", "plan.csv")
    assert (status, err) == (0, "")
    lines = out.splitlines()
    heads = [line for line in lines if line.startswith(("Which:", "At what cost:", "tiny:"))]
    assert [head.partition(":")[0] for head in heads] == ["Which", "At what cost", "tiny"], "the verdict comes first"
    assert [line.split()[0] for line in lines if line.startswith(("FL ", "SFL "))] == ["FL", "SFL"]
    assert [line.split()[0] for line in lines if "*" in line and ":" not in line] == ["1*"]
    few, many = (sent("SFL", samples) for samples in (EACH, 2 * EACH))
    a_sample = (many - few) / EACH
    meet = math.ceil(EACH + (sent("FL", EACH) - few) / a_sample)
    wanted = (
        f"  SFL sends fewer bytes than FL while a client pushes fewer than {meet:,} samples a round through the split; "
        f"here it pushes {EACH:,}."
    )
    assert wanted in lines
    with (tmp_path / "plan.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        *("algorithm", "label", "head", "tail", "own_cut", "devices", "round_s", "first_round_s"),
        *("bytes_up", "bytes_down", "bytes_provisioning", "client_flops", "server_flops", "client_energy_j"),
        *("peak_server_memory_bytes", "peak_memory_bytes raspberry-pi-4", "peak_memory_bytes jetson-nano"),
        *("fits", "too_small"),
    ]
    first, *others = lines[lines.index("How were rounds found?") + 1 :]
    assert re.fullmatch(r"  \d+ of \d+ rounds are from closed forms, .*", first)
    assert re.fullmatch(r"  SFL: dry runs for [0-9]+ of its rounds, because works wait at the server\.", others[0])
    assert [(row["label"], row["head"]) for row in rows] == [("FL", ""), *(("SFL", str(head)) for head in range(5))]
    assert int(rows[2]["bytes_up"]) + int(rows[2]["bytes_down"]) == few


def test_a_plan_at_several_values_of_a_key_is_that_of_each(plan: Sfsim, tmp_path: Path) -> None:
    """The table of both is the tables of one after the other, with the value of the key in front."""

    def table(*options: str) -> list[dict[str, str]]:
        status, _, err = plan("--out", "plan.csv", "--force", *options)
        assert (status, err) == (0, "")
        with (tmp_path / "plan.csv").open(newline="") as file:
            return list(csv.DictReader(file))

    both = table("--axis", "training.batch_size=250,500")
    apart = [
        {"training.batch_size": size, **row}
        for size in ("250", "500")
        for row in table("--set", f"training.batch_size={size}")
    ]
    assert both == apart


def test_an_axis_that_is_no_key_is_refused(plan: Sfsim) -> None:
    status, _, err = plan("--axis", "training.batches=1,2")
    assert status == 2
    assert "training.batches" in err
    assert "Traceback" not in err


def test_which_round_is_shorter(plan: Sfsim) -> None:
    """At the rate that the sentence names both rounds last equally long, as far as two digits tell."""
    said = [line for line in plan()[1].splitlines() if line.startswith("  SFL's round is ")]
    (line,) = said
    first, rate = line.removeprefix("  SFL's round is ").split(" than that of FL below ")
    rate, then = rate.split(", ")
    assert {first, then.removesuffix(" above.")} == {"shorter", "longer"}

    def ahead(factor: float) -> bool:
        figure, unit = rate.split()
        link = f"{{rate: {float(figure) * factor} {unit}}}"
        where = [f"world.devices.{group}.{way}={link}" for group in (0, 1) for way in ("uplink", "downlink")]
        scenario = load(Path("tiny.yaml"), [*where, "training.rounds=1"])
        split, whole = (
            run(scenario, entry, scenario.seeds[0], dry=True).rounds[-1].sim_time_s
            for entry in reversed(scenario.algorithms)
        )
        return split < whole

    assert ahead(0.9) == (first == "shorter")
    assert ahead(1.1) == (first == "longer")


def test_a_file_that_is_there_is_refused_without_force(plan: Sfsim, tmp_path: Path) -> None:
    (tmp_path / "plan.csv").write_text("mine")
    wanted = "sfsim: plan.csv exists: name another file with --out, or say --force\n"
    assert plan("--out", "plan.csv") == (2, "", wanted)
    assert (tmp_path / "plan.csv").read_text() == "mine"
    assert plan("--out", "plan.csv", "--force")[0] == 0
    assert (tmp_path / "plan.csv").read_text().startswith("algorithm,label,")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ["--set", "algorithms.SFL.head=9"],
            "algorithms.SFL.head is 9: head 9 and tail 1 leave no block for the server",
        ),
        (["--set", "world.on_om=skip"], 'did you mean "on_oom"?'),
        (["--out", "no/plan.csv"], "sfsim: there is no folder no to write plan.csv into"),
        (["--out", "."], "sfsim: . is a folder"),
    ],
)
def test_a_mistake_is_one_message(plan: Sfsim, arguments: list[str], said: str) -> None:
    status, out, err = plan(*arguments)
    assert (status, out) == (2, "")
    assert said in err
    assert err.count("\n") == 1


def test_a_selection_that_varies_with_the_cut_is_replaced_and_that_is_said(plan: Sfsim) -> None:
    """All four devices take part, so that the table is that of uniform selection."""
    plain = plan()[1]
    status, out, err = plan("--set", "training.selection={name: oort}")
    assert (status, err) == (0, "")
    told, table = out.splitlines()[:2], out.split("\n", 2)[2]
    assert [line.partition(":")[0] for line in told] == ["FL", "SFL"]
    assert "uniform selection is assumed, for whom oort chooses depends on the losses that clients report" in told[0]
    assert table == plain
