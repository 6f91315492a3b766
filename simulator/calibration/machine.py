"""This machine's processor, its memory, its copying speed and its clock."""

from __future__ import annotations

import os
import platform
import statistics
import time
from pathlib import Path

import torch

COPIED_BYTES = 128 * 2**20
"""Size of the tensor that a processor copies: more than its caches hold."""
COPIED_ON_GPU = 2 * 2**30
"""The same for a GPU, which copies the smaller one in little more time than it takes to begin and to be waited for."""
COPIES = 7
"""Timed copies, after one to warm up."""


def processor(device: str = "cpu") -> str:
    """Return the maker's name of the processor or GPU behind a torch device, or the architecture if it has none."""
    if device != "cpu":
        return torch.cuda.get_device_name()
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text("utf-8", "replace").splitlines() if cpuinfo.exists() else []
    fields = dict(line.split(":", 1) for line in lines if ":" in line)
    names = {key.strip(): value.strip() for key, value in fields.items()}
    return names.get("model name") or names.get("Model") or platform.processor() or platform.machine()


def memory_bytes(device: str = "cpu") -> int | None:
    """Return the memory of the machine or of the GPU in bytes, in whole MiB; None if the system does not tell."""
    if device != "cpu":
        size = int(torch.cuda.get_device_properties(0).total_memory)
    else:
        try:
            size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        except (AttributeError, OSError, ValueError):  # not on Windows
            return None
    return size // 2**20 * 2**20


def copied_bytes(device: str = "cpu") -> int:
    """Return the size of the tensor to copy, in bytes: of a GPU's memory, an eighth at most."""
    if device == "cpu":
        return COPIED_BYTES
    return min(COPIED_ON_GPU, (memory_bytes(device) or 0) // 8)


def copied_per_s(device: str = "cpu") -> float:
    """Return the bytes per second, read and written, of copying a tensor larger than the caches: a median of copies."""
    size = copied_bytes(device)
    source = torch.zeros(size, dtype=torch.uint8, device=device)
    target = torch.ones_like(source)
    seconds = []
    for _ in range(1 + COPIES):
        begun = now(device)
        target.copy_(source)
        seconds.append(now(device) - begun)
    return 2 * size / statistics.median(seconds[1:])


def now(device: str = "cpu") -> float:
    """Return the wall-clock time in seconds, once the device has finished all pending work."""
    if device != "cpu":
        torch.cuda.synchronize()
    return time.perf_counter()
