"""``checkpoint_cost``: what a checkpoint after every round takes of the time of a quickstart; at most 0.02.

``python -m tests.bench.checkpoint_cost [ROUNDS]`` trains the quickstart for so many rounds, by default as many as it
says. The seconds include those in which the data are brought to the disk.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from simulator.experiments.trial.checkpoint import Checkpoints
from simulator.experiments.trial.trial import Trial
from simulator.scenario.checkpoint import CheckpointSettings
from simulator.scenario.scenario import load
from tests.bench import report
from tests.helpers.places import SCENARIOS


def main(words: list[str]) -> None:
    """Print the share, with the size of the last checkpoint of each algorithm."""
    rounds = [f"training.rounds={words[0]}"] if words else []
    scenario = load(SCENARIOS / "quickstart.yaml", rounds)
    took, total, sizes = 0.0, 0.0, {}
    with tempfile.TemporaryDirectory() as folder:
        for entry in scenario.algorithms:
            kept = Checkpoints(Path(folder) / "checkpoint", CheckpointSettings(every=1), entry.label, print)
            result = Trial(scenario, entry, scenario.seeds[0], checkpoints=kept).run()
            kept.remove()
            took, total = took + kept.seconds, total + result.wall_time_s
            sizes[entry.label] = kept.size
    report("checkpoint_cost", took / total, seconds=took, of_s=total, bytes_of_last=sizes)


if __name__ == "__main__":
    main(sys.argv[1:])
