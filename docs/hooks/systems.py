"""The pages of the systems: one for each algorithm, from its docstring and from a dry run of all in one world."""

from __future__ import annotations

import csv
import inspect
import re
from collections import defaultdict
from functools import cache
from pathlib import Path
from statistics import mean

import yaml
from keys import elsewhere, model_table
from tables import code, prose, table

from simulator.experiments.trial.result import TrialResult
from simulator.experiments.trial.trial import run
from simulator.scenario.scenario import load
from simulator.settings.humanize import human
from simulator.settings.plugins import ALGORITHMS

ROOT = Path(__file__).parents[2]
WORLD = "scenarios/quickstart.yaml"
CLAIMS = "scenarios/claims-accuracy.yaml"
GROUPS = {
    "Whole models on devices": ("fedavg", "fedprox", "fedavgm", "fedadam", "fedyogi"),
    "Adapters (LoRA) on whole models": ("fedlora", "flora"),
    "Models that are cut": ("splitfed", "split_learning", "sfprompt", "splitfrozen", "splitlora", "epsl", "sfpl"),
    "Personal models": ("flexp_sfl", "ditto", "pfedme", "local"),
    "Bounds": ("centralized",),
}
MEASURED = {
    "fedavg": "FedAvg",
    "fedlora": "FedLoRA",
    "splitlora": "SplitLoRA",
    "splitfrozen": "SplitFrozen",
    "sfprompt": "SFPrompt",
    "flexp_sfl": "FlexP-SFL",
    "pfedme": "pFedMe",
    "ditto": "Ditto",
    "local": "local only",
}
"""The rows of the study of label skew, by algorithm."""
TITLES = {
    "fedavg": "FedAvg (FL)",
    "fedprox": "FedProx",
    "fedavgm": "FedAvgM",
    "fedadam": "FedAdam",
    "fedyogi": "FedYogi",
    "fedlora": "FedLoRA",
    "flora": "FLoRA",
    "splitfed": "SplitFed (SFL)",
    "split_learning": "Split learning",
    "sfprompt": "SFPrompt",
    "splitfrozen": "SplitFrozen",
    "splitlora": "SplitLoRA",
    "epsl": "EPSL and PSL",
    "sfpl": "SFPL",
    "flexp_sfl": "FlexP-SFL",
    "ditto": "Ditto",
    "pfedme": "pFedMe",
    "local": "Local training",
    "centralized": "Centralized training",
}
COLUMNS = ("system", "time", "first round", "up", "down", "device work", "device energy", "peak memory of a device")


def names() -> list[str]:
    """Return the names of all algorithms, in the order of the groups."""
    listed = [name for group in GROUPS.values() for name in group]
    return listed + [name for name in ALGORITHMS.names() if name not in listed]


def title(name: str) -> str:
    """Return what an algorithm is called in the navigation."""
    return TITLES.get(name, name)


def overview() -> str:
    """Return the page that puts all systems side by side."""
    lines = [
        "# Systems",
        "A system is a federated or split fine-tuning method: an entry of `algorithms` in a scenario. Each has a page,"
        " made of the docstring of its class, its keys, and a dry run. Docstrings say what is a paper's and what is"
        " ours; of several papers only the abstract was at hand.",
        f"All figures here are from one world, [the quickstart's](../../{WORLD}): twelve devices, of which four take"
        " part in each of twelve rounds, a small ViT, 1,400 images. Each system has its own defaults, so the cuts are"
        " behind the first block and, where labels stay on the device, before the last one. The figures were simulated"
        " dry when this page was built: they say what a system costs, not what it learns. For what is learned, see"
        " [label skew](../studies/label-skew.md) and the [claims](../claims.md).",
    ]
    for group, names in GROUPS.items():
        lines += [f"## {group}", table(COLUMNS, [_row(name, f"{name}.md") for name in names])]
    return "\n\n".join(lines)


def page(name: str) -> str:
    """Return the page of an algorithm."""
    kind = ALGORITHMS.find(name)
    text = re.split(r"\n\n(?=Attributes:\n)", inspect.getdoc(kind) or "")[0]
    lines = [f"# {title(name)}", prose(text), f"In a scenario: `{{name: {name}}}`."]
    lines += ["## Keys", elsewhere(model_table(kind, name)).replace("](scenario.md", "](../reference/scenario.md")]
    lines.append("Beside these, an entry has a `label`, and `training` with what it overrides of the scenario's.")
    lines += [
        "## What a dry run measures",
        f"In the world of [the quickstart](../../{WORLD}), twelve rounds, with default keys; FL and SplitFed for"
        " comparison ([all systems](index.md)).",
    ]
    others = [other for other in ("fedavg", "splitfed") if other != name]
    lines.append(table(COLUMNS, [_row(name), *(_row(other, f"{other}.md") for other in others)]))
    lines += ["What it sends:", _sent(name), "Where its devices and the server compute:", _works(name)]
    lines += _learned(name)
    found = _mentions(name)
    if found:
        lines += ["## Where it is used", "\n".join(f"- {line}" for line in found)]
    return "\n\n".join(lines)


@cache
def _trial(name: str) -> TrialResult:
    """Return a dry trial of an algorithm with its default keys, in the world of the quickstart."""
    scenario = load(ROOT / WORLD, [f"algorithms=[{{name: {name}}}]"])
    return run(scenario, scenario.algorithms[0], seed=0, dry=True)


def _row(name: str, link: str = "") -> tuple[str, ...]:
    trial = _trial(name)
    ledger = trial.ledger
    last = trial.rounds[-1]
    up = sum(row.bytes for row in ledger.transfers if row.source == row.client)
    down = sum(row.bytes for row in ledger.transfers if row.target == row.client)
    flops = sum(row.flops for row in ledger.works if row.site == row.client)
    first = next(iter(ledger.rounds))
    return (
        f"[{title(name)}]({link})" if link else f"**{title(name)}**",
        human("seconds", last.sim_time_s),
        human("seconds", first.start + first.seconds),
        human("bytes", up),
        human("bytes", down),
        human("flops", flops),
        human("joules", _energy(trial)),
        human("bytes", trial.peak_client_memory_bytes),
    )


def _energy(trial: TrialResult) -> float:
    from simulator.experiments.run.tables import summarise

    return float(summarise(trial, None)["client_energy_j"])


def _sent(name: str) -> str:
    totals: dict[tuple[str, str, str], list[float]] = defaultdict(lambda: [0, 0])
    for row in _trial(name).ledger.transfers:
        direction = "up" if row.source == row.client else "down" if row.target == row.client else "between sites"
        totals[row.kind, direction, row.phase][0] += row.bytes
        totals[row.kind, direction, row.phase][1] += 1
    rows = [(*key, human("bytes", size), f"{count:,}") for key, (size, count) in totals.items()]
    return table(("payload", "direction", "phase", "bytes", "transfers"), rows) if rows else "nothing.\n"


def _works(name: str) -> str:
    totals: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0, 0])
    for row in _trial(name).ledger.works:
        side = "devices" if row.site == row.client else "server"
        for place, value in enumerate((row.seconds, row.flops, 1)):
            totals[side, row.phase][place] += value
    rows = [
        (*key, human("seconds", seconds), human("flops", flops), f"{count:,}")
        for key, (seconds, flops, count) in sorted(totals.items())
    ]
    return table(("side", "phase", "busy", "work", "works"), rows)


def _learned(name: str) -> list[str]:
    """Return what was measured of an algorithm's accuracy: its rows of the study of label skew and of the claims."""
    lines = []
    study = (ROOT / "docs/studies/label-skew.md").read_text(encoding="utf-8")
    if name in MEASURED:
        heading, rule = re.findall(r"^(\| accuracy in % .*)\n(\|[-|]+)$", study, re.MULTILINE)[0]
        (row,) = re.findall(rf"^\| {MEASURED[name]} \|.*$", study, re.MULTILINE)
        lines += ["In [the study of label skew](../studies/label-skew.md), trained with three seeds, mean ± deviation:"]
        lines.append(f"{heading}\n{rule}\n{row}")
    if rows := _claimed(name):
        lines += [f"In [a small world](../../{CLAIMS}) of CIFAR-10, settled accuracy after six rounds, trained for the"]
        lines[-1] += " [claims](../claims.md):"
        lines.append(table(("entry", "shards", "mean", "lowest to highest", "seeds"), rows))
    return ["## What trained runs measured", *lines] if lines else []


def _claimed(name: str) -> list[tuple[str, ...]]:
    """Return the accuracies of an algorithm that were trained for the claims, as mean and range over seeds."""
    sweep = yaml.safe_load((ROOT / "scenarios/sweeps/claims_accuracy.yaml").read_text(encoding="utf-8"))
    labels = {entry["label"] for entry in sweep["set"]["algorithms"] if entry["name"] == name}
    found = defaultdict(list)
    with (ROOT / "scenarios/claims/measured/accuracy.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["label"] in labels:
                found[row["label"], row["partition"]].append(float(row["settled_accuracy"]))
    return [
        (*key, f"{100 * mean(values):.1f} %", f"{100 * min(values):.1f} to {100 * max(values):.1f} %", str(len(values)))
        for key, values in found.items()
    ]


def _mentions(name: str) -> list[str]:
    """Return links to the scenarios, claims and sweeps that run an algorithm, and to the pages that show it."""
    named = re.compile(rf"name: {name}\b")
    files = sorted((ROOT / "scenarios").rglob("*.yaml"))
    found = [path.relative_to(ROOT).as_posix() for path in files if named.search(path.read_text(encoding="utf-8"))]
    lines = [f"[{code(path)}](../../{path}): {_first_line(path)}" for path in found if "/claims/" not in path]
    claims = [Path(path).stem for path in found if path.startswith("scenarios/claims/") and "measured" not in path]
    if claims:
        lines.append("Claims: " + ", ".join(f"[{claim}](../claims.md#{claim})" for claim in claims))
    return lines


def _first_line(path: str) -> str:
    """Return the sentence with which the comment at the top of a scenario begins."""
    comment = re.match(r"(?:#.*\n)+", (ROOT / path).read_text(encoding="utf-8"))
    text = " ".join(line.lstrip("# ") for line in comment[0].splitlines()) if comment else ""
    return re.split(r"(?<=[.?!:])\s", text)[0].rstrip(":")
