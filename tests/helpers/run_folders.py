"""Run folders made up for tests: a toy world of devices and one server, written as by `sfsim run`."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import yaml

from analysis.columns import SITES_COLUMNS
from analysis.goal import Target
from analysis.settled import Evaluation
from analysis.tasks import perplexity

IDLE, COMPUTE, RADIO = 2.0, 4.0, 1.0  # watts: idle, and above idle while computing or sending
SERVER_IDLE, SERVER_COMPUTE = 60.0, 200.0
DEVICE_RATE, SERVER_RATE = 1e9, 1e11  # FLOP/s
UPLINK, DOWNLINK, LATENCY = 2.5e6, 6e6, 0.005  # B/s, s
MODEL_BYTES, BATCH_BYTES, HEAD_BYTES = 4_000_000, 300_000, 1_200_000

Step = tuple[str, str, float, str]  # phase, activity (serve is compute at the server), bytes or FLOPs, kind or work


def fabricate(
    folder: Path,
    labels: Sequence[str] = ("FL", "SFPrompt"),
    *,
    algorithms: Sequence[str] | None = None,
    seeds: Sequence[int] = (0,),
    rounds: int = 3,
    devices: int = 3,
    per_round: int = 2,
    batches: int = 3,
    target: float | None = 0.8,
    target_loss: float | None = None,
    task: str | None = None,
    dry: bool = False,
    name: str = "made up",
) -> Path:
    """Write a run folder, with all files but figures and report, and return it.

    Args:
        folder: the folder to write.
        labels: the labels of the algorithm entries.
        algorithms: the algorithms as which the labels behave (see `_steps`), in turn.
        seeds: the seeds.
        rounds: how many rounds.
        devices: how many devices there are.
        per_round: the size of the cohort.
        batches: the batches of a device, at least.
        target: the target accuracy.
        target_loss: the target loss, in place of an accuracy.
        task: what the models learn; None: the files do not say, as in earlier versions.
        dry: whether the run is dry.
        name: the name of the scenario.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = None if target_loss is not None else target
    behaviours = list(algorithms or ("fedavg", "sfprompt", "splitfed", "linear"))
    trials, rows, shares = [], [], []
    for place, label in enumerate(labels):
        algorithm = behaviours[place % len(behaviours)]
        for seed in seeds:
            trial = _Trial(algorithm, label, seed, rounds, devices, per_round, batches, dry)
            trial.write_ledger(folder / "ledger" / f"{label}-{seed}")
            trials.append(trial.summary(Target.of(target, target_loss)))
            rows += trial.rows
            shares += trial.breakdown()
    head = {"scenario": name, "version": "0.1.0", "dry": dry, "trials": trials}
    if task is not None:
        head["task"] = task
        for summary in trials:
            summary["perplexity"] = perplexity(summary["final_loss"], task)  # type: ignore[arg-type]
    (folder / "summary.json").write_text(json.dumps(head, indent=1))
    pd.DataFrame(rows).to_csv(folder / "rounds.csv", index=False)
    pd.DataFrame(shares).to_csv(folder / "breakdown.csv", index=False)
    scenario = {
        "name": name,
        "seeds": list(seeds),
        "target_accuracy": target,
        **({"target_loss": target_loss} if target_loss is not None else {}),
        "world": {"devices": [{"name": "pi", "count": devices}], "server": {"name": "gpu", "slots": 1}},
        "model": {"name": "bundled", "image_size": 32},
        "data": {"name": "digits", "partition": {"name": "dirichlet", "alpha": 0.5}},
        "training": {"rounds": rounds, "clients_per_round": per_round, "batch_size": 32, "train": "full"},
        "algorithms": [{"name": behaviours[i % len(behaviours)], "label": label} for i, label in enumerate(labels)],
    }
    (folder / "scenario.yaml").write_text(yaml.safe_dump(scenario, sort_keys=False))
    environment = {
        "sfsim": "0.1.0",
        "python": "3.11.7",
        "platform": "Linux",
        "packages": {"torch": "2.6"},
    }
    (folder / "environment.json").write_text(json.dumps(environment))
    return folder


def _steps(algorithm: str, batches: int, first: bool) -> Iterator[Step]:
    """Yield the steps of one client in one round."""
    if algorithm == "fedavg":
        yield "model exchange", "download", MODEL_BYTES, "model"
        for _ in range(3 * batches):
            yield "training", "compute", 1.2e9, "train_step"
        yield "model exchange", "upload", MODEL_BYTES, "model"
        return
    if first and algorithm in ("linear", "sfprompt"):
        yield "provisioning", "download", HEAD_BYTES if algorithm == "sfprompt" else MODEL_BYTES, "weights"
    small = MODEL_BYTES / 4 if algorithm == "sfprompt" else MODEL_BYTES / 8
    yield "model exchange", "download", small, "model"
    if algorithm == "sfprompt":
        for _ in range(2 * batches):
            yield "local loss", "compute", 3e8, "train_step"
        for _ in range(batches):
            yield "pruning", "compute", 1e8, "score"
    for _ in range(batches if algorithm == "sfprompt" else 3 * batches):
        yield "split training", "compute", 1.5e8, "head.forward"
        yield "split training", "upload", BATCH_BYTES, "smashed data"
        yield "split training", "serve", 8e9, "body.forward"
        yield "split training", "download", BATCH_BYTES, "features"
        yield "split training", "compute", 2e8, "tail.loss_backward"
        if algorithm != "linear":
            yield "split training", "upload", BATCH_BYTES, "feature gradient"
            yield "split training", "serve", 1.6e10, "body.backward"
            yield "split training", "download", BATCH_BYTES, "smashed gradient"
            yield "split training", "compute", 3e8, "head.backward"
    yield "model exchange", "upload", small, "model"


class _Trial:
    """One algorithm with one seed, simulated in a few lines: clients in parallel, a server with one slot and a FIFO.

    Attributes:
        rows: the rows of its rounds.
    """

    def __init__(
        self, algorithm: str, label: str, seed: int, rounds: int, devices: int, per_round: int, batches: int, dry: bool
    ) -> None:
        self.algorithm, self.label, self.seed, self.batches, self.dry = algorithm, label, seed, batches, dry
        self.devices = devices
        self.works: list[dict[str, object]] = []
        self.transfers: list[dict[str, object]] = []
        self.waits: list[tuple[str, float]] = []
        self.idle_s = self.clock = 0.0
        self.rows = [self._row(0)]
        for number in range(1, rounds + 1):
            cohort = [f"pi-{(seed + number + index) % devices}" for index in range(per_round)]
            self._round(number, cohort)
            self.rows.append(self._row(number))

    def _round(self, number: int, cohort: list[str]) -> None:
        start, server_free, finished = self.clock, self.clock, []
        known = {row["client"] for row in self.transfers}
        turns = []
        for place, client in enumerate(cohort):
            size = self.batches + place % 3  # clients hold unequal amounts of data
            turns.append((start, place, client, _steps(self.algorithm, size, client not in known)))
        heapq.heapify(turns)
        while turns:
            now, place, client, steps = heapq.heappop(turns)
            step = next(steps, None)
            if step is None:
                finished.append(now)
                continue
            phase, activity, amount, what = step
            if activity == "serve":
                begin = max(now, server_free)
                server_free = done = begin + amount / SERVER_RATE
                self._work("server", client, what, phase, number, now, begin, done - begin, amount)
                self.waits.append((phase, done - now))
            elif activity == "compute":
                done = now + amount / (DEVICE_RATE * (1 + 0.3 * (int(client[3:]) % 3)))
                self._work(client, client, what, phase, number, now, now, done - now, amount)
            else:
                done = now + LATENCY + amount / (UPLINK if activity == "upload" else DOWNLINK)
                ends = (client, "server") if activity == "upload" else ("server", client)
                self._transfer(*ends, client, what, phase, number, now, done - now, amount)
            heapq.heappush(turns, (done, place, client, steps))
        self.clock = max(finished) + 0.02
        self._work("server", None, "weighted_mean", "aggregation", number, max(finished), max(finished), 0.02, 0.0)
        self.waits += [("aggregation", self.clock - done) for done in finished]
        self.idle_s += len(cohort) * (self.clock - start)

    def _work(
        self, site: str, client: str | None, work: str, phase: str, number: int, asked: float, start: float,
        seconds: float, flops: float,
    ) -> None:  # fmt: skip
        row: dict[str, object] = {
            "site": site,
            "client": client,
            "work": work,
            "phase": phase,
            "round": number,
            "asked": asked,
        }
        self.works.append(row | {"start": start, "seconds": seconds, "flops": flops, "bytes_touched": flops / 10})

    def _transfer(
        self, source: str, target: str, client: str, kind: str, phase: str, number: int, start: float, seconds: float,
        size: float,
    ) -> None:  # fmt: skip
        row: dict[str, object] = {
            "source": source,
            "target": target,
            "client": client,
            "kind": kind,
            "phase": phase,
            "round": number,
        }
        self.transfers.append(
            row | {"start": start, "seconds": seconds, "bytes": int(size), "lost": 0, "latency": LATENCY}
        )

    def _sum(self, rows: list[dict[str, object]], column: str, **wanted: object) -> float:
        return float(sum(row[column] for row in rows if all(row[key] == value for key, value in wanted.items())))  # type: ignore[misc]

    def _served(self, column: str) -> float:
        return self._sum(self.works, column, site="server")

    def _row(self, number: int) -> dict[str, object]:
        active = self._active()
        reached = {"fedavg": 0.94, "splitfed": 0.9, "sfprompt": 0.83}.get(self.algorithm, 0.73)
        accuracy = reached - (reached - 0.1) * 0.62**number + 0.01 * self.seed * (number > 0)
        return {
            "algorithm": self.algorithm,
            "label": self.label,
            "seed": self.seed,
            "round": number,
            "sim_time_s": self.clock,
            "accuracy": None if self.dry else accuracy,
            "loss": None if self.dry else 2.3 * (1.05 - accuracy),
            "bytes_up": self._sum(self.transfers, "bytes", target="server"),
            "bytes_down": self._sum(self.transfers, "bytes", source="server"),
            "client_flops": self._sum(self.works, "flops") - self._served("flops"),
            "server_flops": self._served("flops"),
            "client_energy_j": active + IDLE * self.idle_s,
            "server_energy_j": SERVER_IDLE * self.clock + SERVER_COMPUTE * self._served("seconds"),
        }

    def _active(self) -> float:
        computing = self._sum(self.works, "seconds") - self._served("seconds")
        sending = self._sum(self.transfers, "seconds") - LATENCY * len(self.transfers)
        return COMPUTE * computing + RADIO * sending

    def summary(self, target: Target | None) -> dict[str, object]:
        """Return the trial's entry of `summary.json`."""
        last, accuracies = self.rows[-1], [row["accuracy"] for row in self.rows]
        scores = [Evaluation(0, r["sim_time_s"], r["accuracy"], r["loss"]) for r in self.rows if not self.dry]  # type: ignore[arg-type]
        hits = [score.sim_time_s for score in scores if target is not None and target.reached_by(score)]
        shared = ["bytes_up", "bytes_down", "client_flops", "server_flops", "client_energy_j", "server_energy_j"]
        return {key: last[key] for key in ("algorithm", "label", "seed", "sim_time_s", *shared)} | {
            "rounds": last["round"],
            "final_accuracy": last["accuracy"],
            "best_accuracy": None if self.dry else max(accuracies),  # type: ignore[type-var]
            "final_loss": last["loss"],
            "time_to_target_s": hits[0] if hits else None,
            "bytes_provisioning": self._sum(self.transfers, "bytes", phase="provisioning"),
            "client_active_energy_j": self._active(),
            "peak_client_memory_bytes": 60e6 if self.algorithm == "fedavg" else 22e6,
            "peak_server_memory_bytes": 8e6 if self.algorithm == "fedavg" else 240e6,
            "trainable_parameters": {"fedavg": 208_000, "linear": 650}.get(self.algorithm, 52_000),
            "wall_time_s": 4.2,
        }

    def breakdown(self) -> list[dict[str, object]]:
        """Return the trial's rows of `breakdown.csv`."""
        works, sent = pd.DataFrame(self.works), pd.DataFrame(self.transfers)
        served = works["site"] == "server"
        waits = pd.DataFrame(self.waits, columns=["phase", "seconds"])
        flowing = sent["seconds"] - sent["latency"]
        idle = pd.DataFrame({"side": ["client", "server"], "phase": "idle", "seconds": [self.idle_s, self.clock]})
        parts = [
            works.assign(
                side=served.map({True: "server", False: "client"}),
                activity="compute",
                energy_j=works["seconds"] * served.map({True: SERVER_COMPUTE, False: COMPUTE}),
            ),
            sent.assign(
                side="client",
                activity=(sent["target"] == "server").map({True: "upload", False: "download"}),
                energy_j=flowing * RADIO,
            ),
            waits.assign(side="client", activity="wait", energy_j=0.0),
            idle.assign(activity="idle", energy_j=idle["seconds"] * [IDLE, SERVER_IDLE]),
        ]
        keys, sums = ["side", "phase", "activity"], ["seconds", "bytes", "flops", "energy_j"]
        every = pd.concat([part.reindex(columns=keys + sums, fill_value=0.0) for part in parts], ignore_index=True)
        head = {"algorithm": self.algorithm, "label": self.label, "seed": self.seed}
        rows = every.groupby(keys, sort=False)[sums].sum().reset_index().to_dict("records")
        return [head | {str(key): value for key, value in row.items()} for row in rows]

    def write_ledger(self, folder: Path) -> None:
        """Write the trial's ledger: all tables but those of engagements, absences and rounds."""
        folder.mkdir(parents=True)
        pd.DataFrame(self.works).to_parquet(folder / "works.parquet", index=False)
        pd.DataFrame(self.transfers).to_parquet(folder / "transfers.parquet", index=False)
        watts = IDLE, IDLE + COMPUTE, IDLE + RADIO, IDLE + RADIO
        served = SERVER_IDLE, SERVER_IDLE + SERVER_COMPUTE, SERVER_IDLE, SERVER_IDLE
        devices = [(f"pi-{number}", "pi", "device", 1, 4e9, *watts) for number in range(self.devices)]
        sites = pd.DataFrame([("server", "gpu", "server", 1, 24e9, *served), *devices], columns=list(SITES_COLUMNS))
        sites.to_parquet(folder / "sites.parquet", index=False)
