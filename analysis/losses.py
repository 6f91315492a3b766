"""Whom the rounds of a run waited for, who was away, and what was in vain: small tables and sentences of its report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from analysis.absences import away_rows
from analysis.columns import UNFINISHED
from analysis.report_page import section
from analysis.runs import Run
from simulator.settings.humanize import human
from simulator.settings.wording import loss_sentences

MOST_STRAGGLERS = 4
"""How many devices of each label are named."""
_ROUNDING = 1e-9


@dataclass(frozen=True)
class TextTable:
    """A table of texts; the first text of a row is a label of the run.

    Attributes:
        name: its name in the page.
        title: its title.
        heads: the headings of its columns.
        rows: the texts of each row.
        caption: how to read it.
    """

    name: str
    title: str
    heads: tuple[str, ...]
    rows: list[tuple[str, ...]]
    caption: str


def loss_tables(run: Run, own_labels: dict[str, tuple[Run, str]]) -> list[TextTable]:
    """Return the tables of stragglers, absences and waste, as far as there are any.

    Args:
        run: the run, or several joined into one.
        own_labels: by label of ``run``, the run that its ledger is in and its label there.

    Raises:
        RunError: a ledger cannot be read.
    """
    waited = [row for name, (own, label) in own_labels.items() for row in _straggler_rows(name, own, label)]
    tables = [
        TextTable(
            "stragglers",
            "Who was waited for",
            ("Algorithm", "Device", "Last in", "After the median", "In all"),
            waited,
            "The devices that were done last in their rounds, how long after the median of the cohort on average, and "
            "how long the rounds waited for them in all. One that was cut off by a deadline counts until then.",
        ),
        TextTable(
            "absences",
            "Who was away",
            ("Algorithm", "Who", "Why", "How often", "Each time", "In all", "Share of their time"),
            [row for name, (own, label) in own_labels.items() for row in away_rows(name, own, label)],
            "How often devices and servers were away, how long each time on average, and how long in all: the sum over "
            "a group. An absence with several causes counts under the first. Means over seeds.",
        ),
        TextTable(
            "waste",
            "What was wasted",
            ("Algorithm", "Reason", "Updates lost", "Device time", "Bytes", "FLOPs", "Energy"),
            list(_waste_rows(run)),
            "Work and traffic of updates that were not used, by reason. Retransmitted: bytes of other updates that "
            "links lost and that were sent again, with that share of the time and energy of their transfers. Device "
            "time: while a device computed, sent or received. FLOPs and energy include the server's part. Means over "
            "seeds.",
        ),
    ]
    return [table for table in tables if table.rows]


def losses_said(own_labels: dict[str, tuple[Run, str]]) -> list[str]:
    """Return the sentences on losses that a run prints: rounds without any update, and updates that were lost.

    Args:
        own_labels: by label as shown, the run that its ledger is in and its label there.

    Raises:
        RunError: a ledger cannot be read.
    """
    return [sentence for name, (run, label) in own_labels.items() for sentence in _sentences(name, run, label)]


def _sentences(name: str, run: Run, label: str) -> Iterator[str]:
    reasons: Counter[str] = Counter()
    for seed in run.seeds(label):
        times = run.columns(label, seed, "attempts", "reason")["reason"].value_counts()
        reasons.update({str(reason): int(number) for reason, number in times.items()})
    del reasons[UNFINISHED]
    empty, rounds = run.summary.loc[run.summary["label"] == label, "empty_rounds"].sum(), 0
    if empty:
        rounds = sum(int((1 + run.aggregations(label, seed)["empty"]).sum()) for seed in run.seeds(label))
    lost = {reason: times for reason, times in reasons.items() if reason}
    yield from loss_sentences(name, _driver(run, label), int(empty), rounds, lost, reasons.total())


def _driver(run: Run, label: str) -> str:
    """Return the name of the driver of a label's entry."""
    entries = run.scenario.get("algorithms") or []
    own = next((section(entry, "training") for entry in entries if entry.get("label") == label), {})
    return str((section(own, "driver") or section(section(run.scenario, "training"), "driver")).get("name"))


def stragglers(run: Run, label: str) -> pd.DataFrame:
    """Return the devices that were done last in the rounds of a label, most waited for first.

    Nobody is waited for where attempts last over several aggregations, as under asynchronous drivers.

    Args:
        run: the run.
        label: the label; all of its seeds count.

    Returns:
        A frame with the columns client, times (in how many rounds it was last), seconds (how long after the median of
        its cohort, summed) and rounds (how many rounds there were).

    Raises:
        RunError: a ledger cannot be read.
    """
    last: dict[str, list[float]] = {}
    rounds = 0
    waits = _driver(run, label) not in ("fedbuff", "fedasync", "semi_async")
    for seed in run.seeds(label) if waits else ():
        attempts = run.columns(label, seed, "attempts", "client", "base", "start", "seconds", "round", "reason")
        attempts = attempts[attempts["reason"] != UNFINISHED]
        used = attempts[attempts["reason"] == ""]
        if (used["round"] != used["base"] + 1).any():
            continue
        for _, cohort in attempts.assign(end=attempts["start"] + attempts["seconds"]).groupby("base"):
            latest, median = float(cohort["end"].max()), float(cohort["end"].median())
            rounds += 1
            if latest - median <= _ROUNDING * latest:
                continue
            for client in cohort.loc[cohort["end"] >= latest * (1 - _ROUNDING), "client"]:
                last.setdefault(client, []).append(latest - median)
    rows = [(client, len(times), sum(times), rounds) for client, times in last.items()]
    table = pd.DataFrame(rows, columns=["client", "times", "seconds", "rounds"])
    return table.sort_values(["seconds", "client"], ascending=[False, True], ignore_index=True)


def _straggler_rows(name: str, run: Run, label: str) -> Iterator[tuple[str, ...]]:
    for row in stragglers(run, label).head(MOST_STRAGGLERS).to_dict("records"):
        often = f"{row['times']} of {row['rounds']} round{'s' if row['rounds'] > 1 else ''}"
        mean, whole = row["seconds"] / row["times"], row["seconds"]
        yield name, row["client"], often, human("seconds", mean), human("seconds", whole)


def _waste_rows(run: Run) -> Iterator[tuple[str, ...]]:
    if run.waste.empty:
        return
    amounts = ["attempts", "device_seconds", "bytes", "flops", "energy_j"]
    sums = run.waste.groupby(["label", "reason"])[amounts].sum()
    for label in run.labels:
        seeds = len(run.seeds(label))
        own = sums[sums.index.get_level_values("label") == label].sort_values("device_seconds", ascending=False)
        for (_, reason), row in zip(own.index, (own / seeds).to_dict("records"), strict=True):
            texts = [human("seconds", row["device_seconds"]), human("bytes", row["bytes"])]
            texts += [human("flops", row["flops"]), human("joules", row["energy_j"])]
            yield label, reason, human("count", row["attempts"]), *texts
