"""Figures of a sweep: the usual ones, one of your own, and the numbers behind it.

sfsim sweep scenarios/sweeps/split_point.yaml --dry --out runs/split-point
python examples/plot_a_sweep.py runs/split-point
"""

from __future__ import annotations

import sys
from pathlib import Path

from analysis import load_sweep, plot_over_axis, write_sweep_figures


def main(folder: Path) -> None:
    for path in write_sweep_figures(folder):
        print(path)

    sweep = load_sweep(folder)
    x, *others = sweep.dimensions
    part = sweep.at({axis.key: axis.values[0] for axis in others})  # one place on every other axis
    print(part.means([x.key], "server_flops").to_string(index=False))
    own = folder / "figures" / "server_flops.png"
    plot_over_axis(part, x.key, "server_flops").figure.savefig(own)
    print(own)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
