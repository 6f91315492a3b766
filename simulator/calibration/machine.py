"""What this machine is: its processor, its memory, and how fast it copies."""

from __future__ import annotations

import os
import platform
import statistics
import time
from pathlib import Path

import torch

COPIED_BYTES = 128 * 2**20
"""More than the caches of a processor or a GPU hold."""
COPIES = 7


def processor(device: str = "cpu") -> str:
    """What this torch device computes on, as its maker calls it; the architecture where nobody says."""
    if device != "cpu":
        return torch.cuda.get_device_name()
    known = Path("/proc/cpuinfo")
    lines = known.read_text("utf-8", "replace").splitlines() if known.exists() else []
    said = dict(line.split(":", 1) for line in lines if ":" in line)
    names = {key.strip(): value.strip() for key, value in said.items()}
    return names.get("model name") or names.get("Model") or platform.processor() or platform.machine()


def memory_bytes(device: str = "cpu") -> int | None:
    """Of the whole machine, or of the GPU, in full MiB; None where the operating system does not say."""
    if device != "cpu":
        size = int(torch.cuda.get_device_properties(0).total_memory)
    else:
        try:
            size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        except (AttributeError, OSError, ValueError):  # not on Windows
            return None
    return size // 2**20 * 2**20


def copied_per_s(device: str = "cpu") -> float:
    """Bytes read and written a second while a tensor larger than the caches is copied: the median of some copies."""
    source = torch.zeros(COPIED_BYTES, dtype=torch.uint8, device=device)
    target = torch.ones_like(source)
    seconds = []
    for _ in range(1 + COPIES):
        begun = now(device)
        target.copy_(source)
        seconds.append(now(device) - begun)
    return 2 * COPIED_BYTES / statistics.median(seconds[1:])


def now(device: str = "cpu") -> float:
    """The clock on the wall, once the device has done all it was asked."""
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter()
