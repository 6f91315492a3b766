"""Hostile scenario, sweep and recipe files, in one process: every one is read, or refused in words, in bounded time.

Due later: today some of them end in something else than a ``ScenarioError``, take too long, or leave a file.

usage: python -m tests.audits.fuzz_yaml [CASES] [SEED]
"""

from __future__ import annotations

import collections
import copy
import json
import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from contextlib import chdir
from itertools import islice
from pathlib import Path
from typing import Any

import torch  # noqa: F401  (else the first case that loads it counts as slow)
import yaml

from simulator.experiments.sweep import points, settings
from simulator.pretraining import settings as pretraining
from simulator.scenario.scenario import load
from simulator.settings.errors import ScenarioError
from tests.audits.hostile import Hostile
from tests.helpers.places import SCENARIOS

MOST_SECONDS = 10
MOST_GIGABYTES = 12
MOST_POINTS = 2000
"""Of a sweep that are looked at."""
LONG_MESSAGE = 20_000
FOLDERS = {"scenario": SCENARIOS, "sweep": SCENARIOS / "sweeps", "recipe": SCENARIOS / "pretrain"}


class SlowError(BaseException):
    """A case took too long. No handler of the product's may catch it."""


def alarm(*_: Any) -> None:
    raise SlowError


def read(kind: str, file: Path) -> None:
    """Read a file as the command does, and all that it stands for."""
    if kind == "scenario":
        load(file).resolved()
    elif kind == "sweep":
        sweep = settings.load(file)
        points.base(sweep)
        collections.deque(islice(points.points(sweep), MOST_POINTS), maxlen=0)
    else:
        pretraining.load(file).resolved()


class Fuzz:
    """What became of the cases so far."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.hostile = Hostile()
        self.bases = [(path, kind) for kind, folder in FOLDERS.items() for path in sorted(folder.glob("*.yaml"))]
        self.texts = {path: path.read_text("utf-8") for path, _ in self.bases}
        self.data = {path: yaml.safe_load(text) for path, text in self.texts.items()}
        for path, kind in self.bases:
            if kind == "sweep":
                self.data[path]["scenario"] = str((path.parent / self.data[path]["scenario"]).resolve())
        self.counts: collections.Counter[str] = collections.Counter()
        self.failures: list[tuple[int, str, str, str]] = []
        self.slowest = (0.0, "")

    def content(self, path: Path) -> bytes:
        """A scenario made hostile: its data, or its text."""
        hostile, random = self.hostile, self.hostile.random
        if random.random() < 0.6:
            text = hostile.dumped(hostile.mutated(copy.deepcopy(self.data[path])))
        else:
            plain = hostile.dumped(self.data[path]) if random.random() < 0.5 else self.texts[path]
            text = hostile.mutated_text(plain)
        return hostile.encoded(text)

    def check(self, case: int, file: Path) -> None:
        """Write a hostile file, and read it."""
        self.hostile.random.seed(self.seed * 1_000_003 + case)
        path, kind = self.hostile.random.choice(self.bases)
        file.write_bytes(self.content(path))
        began = time.monotonic()
        problem = self.problem(kind, file)
        seconds = time.monotonic() - began
        if problem:
            self.failures.append((case, kind, path.name, problem))
        self.slowest = max(self.slowest, (seconds, f"case {case} ({kind}, {path.name})"))
        scraps = [other for other in file.parent.iterdir() if other != file]
        if scraps:
            self.failures.append((case, kind, path.name, f"left {[scrap.name for scrap in scraps]}"))
        for scrap in scraps:
            scrap.unlink()

    def problem(self, kind: str, file: Path) -> str:
        """What is wrong with how a file was read or refused; nothing, if nothing is."""
        signal.alarm(MOST_SECONDS)
        try:
            read(kind, file)
        except ScenarioError as error:
            said = str(error)
            self.counts["refused"] += 1
            self.counts["message over 20,000 characters"] += len(said) > LONG_MESSAGE
            self.counts["message with raw control characters"] += any(ord(c) < 32 and c not in "\n\t" for c in said)
            return "" if said.strip() else "an empty message"
        except SlowError:
            return f"over {MOST_SECONDS} s"
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            signal.alarm(0)
            where = traceback.extract_tb(error.__traceback__)[-1]
            place = f"{Path(where.filename).name}:{where.lineno}"
            return f"{type(error).__name__}: {str(error)[:150]} at {place}"
        finally:
            signal.alarm(0)
        self.counts["read"] += 1
        return ""

    def report(self) -> None:
        """The commonest failures, and how long the slowest case took."""
        kinds: dict[str, list[tuple[int, str, str, str]]] = collections.defaultdict(list)
        for failure in self.failures:
            what, _, where = failure[3].partition(" at ")
            kinds[f"{what[:90]} at {where[:60]}" if where else what[:90]].append(failure)
        for reason, failures in sorted(kinds.items(), key=lambda item: -len(item[1]))[:30]:
            case, kind, name, _ = failures[0]
            print(f"{len(failures)} x {reason}   (first: case {case}, {kind}, {name})")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        counts = json.dumps({name: count for name, count in self.counts.items() if count})
        print(f"slowest: {self.slowest[0]:.2f} s, {self.slowest[1]}; peak memory {peak:.0f} MB; {counts}")


def main(words: list[str]) -> int:
    cases = int(words[0]) if words else 5000
    fuzz = Fuzz(int(words[1]) if len(words) > 1 else 0)
    signal.signal(signal.SIGALRM, alarm)
    resource.setrlimit(resource.RLIMIT_AS, (MOST_GIGABYTES << 30,) * 2)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        for case in range(cases):
            fuzz.check(case, Path(folder, "case.yaml"))
            if case % 1000 == 999:
                seconds = time.monotonic() - began
                print(f"  {case + 1}: {len(fuzz.failures)} failures, {seconds:.0f} s", file=sys.stderr, flush=True)
    fuzz.report()
    print(f"{cases} cases, {len(fuzz.failures)} failures")
    return int(bool(fuzz.failures))


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    raise SystemExit(main(sys.argv[1:]))
