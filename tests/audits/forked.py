"""The command in a child of this process, with bounds on its time and its memory; and a tiny scenario for it."""

from __future__ import annotations

import os
import resource
import signal
import sys
import tempfile
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import torch

from simulator.cli import main

LOADED = (
    "analysis",
    "matplotlib",
    "simulator.experiments.run.run",
    "simulator.experiments.sweep.run",
    "simulator.experiments.trial.validate",
    "simulator.pretraining.running",
    "timm",
)
"""What is loaded here, no child need load."""
for each in LOADED:
    import_module(each)

TINY = """\
name: tiny
seeds: [0]
world:
  devices:
    - {name: raspberry-pi-4, count: 3, uplink: home-wifi, downlink: home-wifi}
    - {name: jetson-nano, count: 2, uplink: lte, downlink: lte}
  server: {name: rtx-4090, uplink: {rate: 1 Gbit/s}, downlink: {rate: 1 Gbit/s}}
model:
  name: vit_tiny_patch16_224
  image_size: 32
  pretrained: false
  keywords: {patch_size: 8, depth: 3, embed_dim: 24, num_heads: 2}
data: {name: synthetic, samples: 60, test_samples: 20, classes: 4}
training: {rounds: 2, clients_per_round: 2, batch_size: 8, optimizer: {name: adamw, learning_rate: 5.0e-4}}
algorithms:
  - {name: fedavg, label: FL}
  - {name: splitfed, label: SFL, head: 1, tail: 1}
  - {name: sfprompt, label: SFPrompt, head: 1, tail: 1, keep_fraction: 0.5}
"""


@dataclass(frozen=True)
class Ended:
    """How the command ended.

    Attributes:
        status: its exit status; negative if a signal ended it.
        out: what it wrote on stdout.
        err: what it wrote on stderr.
        seconds: how long it took.
        megabytes: of memory at most.
        timed_out: whether it had to be stopped.
    """

    status: int
    out: str
    err: str
    seconds: float
    megabytes: float
    timed_out: bool

    @property
    def clean(self) -> bool:
        """It did what it was told, or refused in words."""
        return self.status in (0, 2) and "Traceback" not in self.err + self.out and not self.timed_out

    def brief(self, length: int = 330) -> str:
        text = self.err.strip() or self.out.strip()
        if "Traceback" in text:
            text = "TRACEBACK ... " + text.splitlines()[-1]
        late = " TIMEOUT" if self.timed_out else ""
        return f"status {self.status}{late}, {self.seconds:.1f} s, {self.megabytes:.0f} MB | {text[:length]}"


def sfsim(words: list[str], folder: Path, most_seconds: float, most_gigabytes: float = 6) -> Ended:
    """Run the command with these words in a folder.

    Args:
        words: of the command line, without the command.
        folder: where it runs.
        most_seconds: after which it is stopped.
        most_gigabytes: of memory beyond what this process has.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.monotonic()
        sys.stdout.flush()
        child = os.fork()
        if not child:
            _be_the_command(words, folder, out.fileno(), err.fileno(), most_gigabytes)
        timed_out = False
        while True:
            ended, status, usage = os.wait4(child, os.WNOHANG)
            if ended:
                break
            if time.monotonic() - began > most_seconds:
                timed_out = True
                with suppress(ProcessLookupError):
                    os.killpg(child, signal.SIGKILL)
                _, status, usage = os.wait4(child, 0)
                break
            time.sleep(0.01)
        texts = []
        for file in (out, err):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
    seconds = time.monotonic() - began
    return Ended(os.waitstatus_to_exitcode(status), *texts, seconds, usage.ru_maxrss / 1024, timed_out)


def _be_the_command(words: list[str], folder: Path, out: int, err: int, most_gigabytes: float) -> None:
    """What the child does; it never returns."""
    try:
        os.setsid()
        os.dup2(out, 1)
        os.dup2(err, 2)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(folder)
        torch.set_num_threads(1)
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (mapped + int(most_gigabytes * 2**30),) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        sys.argv = ["sfsim", *words]
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        status = 0
        try:
            main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
            status = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)
    except BaseException as error:
        os.write(2, repr(error).encode())
        os._exit(99)
