"""Where SplitFrozen's pipeline pays: the part of the time that it saves, by the devices' speed and their links.

sfsim sweep scenarios/sweeps/pipeline.yaml --dry --out runs/pipeline
python examples/plot_what_a_pipeline_saves.py runs/pipeline
"""

from __future__ import annotations

import sys
from pathlib import Path

from analysis import load_sweep, plot_heat_map, saving


def main(folder: Path) -> None:
    saved = saving(load_sweep(folder), "pipeline", "in sequence")
    ax = plot_heat_map(saved, "world.devices.*.uplink.rate", "world.devices.*.rate.fp32", "saved")
    ax.set_xlabel("each device's uplink")
    ax.set_ylabel("each device's rate (56 % of it is reached)")
    path = folder / "figures" / "pipeline_saving.png"
    ax.figure.savefig(path, dpi=110)
    print(path)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
