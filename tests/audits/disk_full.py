"""Full and read-only disks: one message, exit status 2, nothing half-written, and what was done is kept.

It mounts small disks in memory, for which it must be root. 5 minutes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.audits.forked import TINY, sfsim

MOST_SECONDS = 120
SCENARIO = (
    TINY.partition("  - {name: splitfed")[0]
    .replace("rounds: 2", "rounds: 1")
    .replace("count: 3", "count: 1")
    .replace("count: 2", "count: 1")
)
SWEEP = "name: sw\nscenario: s.yaml\naxes:\n  training.batch_size: [4, 8]\n"
PRETRAINING = """\
name: p
model: {name: vit_tiny_patch16_224, image_size: 32, pretrained: false}
data: {name: synthetic, samples: 40, test_samples: 8, classes: 4}
epochs: 1
batch_size: 16
optimizer: {name: adamw, learning_rate: 1.0e-3}
precision: fp32
"""
A_SWEEP = ["sweep", "sw.yaml", "--dry", "--out", "small/x", "--workers", "1"]
A_CALIBRATION = ["calibrate", "s.yaml", "--out", "small/c.yaml", "--repeats", "1"]
READ_ONLY = [
    ["run", "s.yaml", "--dry", "--out", "small/x"],
    ["run", "s.yaml", "--dry", "--out", "small/ok", "--force"],
    ["sweep", "sw.yaml", "--dry", "--out", "small/x"],
    ["pretrain", "p.yaml", "--out", "small/x"],
    ["report", "small/ok"],
    ["compare", "small/ok", "ok2", "--out", "small/c.html"],
    ["trace", "small/ok"],
    ["plan", "s.yaml", "--out", "small/p.csv"],
    A_CALIBRATION,
]


class Disks:
    """Commands that write to a small disk.

    Attributes:
        folder: where they run.
        small: where the disk is.
        cases: how many there were.
        bad: how many of them ended badly.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.small = folder, folder / "small"
        self.small.mkdir()
        self.cases = self.bad = 0

    @contextmanager
    def disk(self, size: str) -> Iterator[None]:
        """A disk of so many bytes, for as long as this lasts."""
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(self.small)], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", str(self.small)], check=True)

    def remount(self, option: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{option}", str(self.small)], check=True)

    def fill(self) -> None:
        """Take what room is left."""
        with (self.small / "fill").open("wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass

    def case(self, name: str, words: list[str]) -> None:
        ended = sfsim(words, self.folder, MOST_SECONDS)
        self.cases += 1
        self.bad += not ended.clean
        print(f"{'ok ' if ended.clean else 'BAD'} {name:34s} {ended.brief(400)}".replace("\n", " / "))
        print(f"        small: {self.tree()}", flush=True)

    def tree(self) -> list[str]:
        """What lies on the disk, two folders deep."""
        found = [path for pattern in ("*", "*/*") for path in self.small.glob(pattern)]
        return sorted(path.relative_to(self.small).as_posix() + "/" * path.is_dir() for path in found)


def full(disks: Disks) -> None:
    for size in ("2m", "150k", "16k", "4k"):
        with disks.disk(size):
            disks.case(f"disk {size}: run --dry", ["run", "s.yaml", "--dry", "--out", "small/x"])
    with disks.disk("2m"):
        disks.case("disk 2m: real run", ["run", "s.yaml", "--out", "small/x"])
    with disks.disk("2m"):
        disks.case("disk 2m: sweep --dry", A_SWEEP)
        disks.case("  the same again, still full", A_SWEEP)
        disks.remount("size=30m")
        disks.case("  the same again, with room", A_SWEEP)
    for size in ("40k", "8k"):
        with disks.disk(size):
            disks.case(f"disk {size}: sweep --dry", A_SWEEP)
    with disks.disk("2m"):
        disks.case("disk 2m: pretrain", ["pretrain", "p.yaml", "--out", "small/p"])
    with disks.disk("2m"):
        pictures = shutil.ignore_patterns("report.html", "figures")
        shutil.copytree(disks.folder / "ok", disks.small / "ok", ignore=pictures)
        disks.case("disk 2m: report", ["report", "small/ok"])
        disks.case("disk 2m: compare", ["compare", "ok", "ok2", "--out", "small/c.html"])
        disks.case("disk 2m: trace", ["trace", "ok", "--out", "small/t.json.gz"])
        disks.fill()
        disks.case("disk full: trace --out", ["trace", "ok", "--out", "small/t2.json.gz"])
        disks.case("disk full: trace", ["trace", "small/ok"])
        disks.case("disk full: plan --out", ["plan", "s.yaml", "--out", "small/p.csv"])
        disks.case("disk full: calibrate", A_CALIBRATION)


def read_only(disks: Disks) -> None:
    with disks.disk("30m"):
        shutil.copytree(disks.folder / "ok", disks.small / "ok")
        disks.remount("ro")
        for words in READ_ONLY:
            disks.case(f"read-only: {words[0]}{' --force' * ('--force' in words)}", words)


def main() -> int:
    if os.geteuid():
        print("only root may mount disks: nothing was checked", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        folder.chmod(0o755)
        for name, text in (("s.yaml", SCENARIO), ("sw.yaml", SWEEP), ("p.yaml", PRETRAINING)):
            (folder / name).write_text(text)
        first = sfsim(["run", "s.yaml", "--dry", "--out", "ok"], folder, MOST_SECONDS)
        assert first.status == 0, first.brief()
        shutil.copytree(folder / "ok", folder / "ok2")
        disks = Disks(folder)
        full(disks)
        read_only(disks)
    print(f"{disks.cases} cases, {disks.bad} bad")
    return int(disks.bad > 0)


if __name__ == "__main__":
    raise SystemExit(main())
