"""Reading of GGUF files, the format of llama.cpp: their weights and their tokenizers are in one file."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gguf import GGUFReader


def opened(path: Path) -> GGUFReader:
    """Open a file, once for all that is read of it: with a vocabulary in it, that takes seconds.

    Raises:
        ImportError: the library gguf is not installed.
        Exception: the file cannot be read; each kind of damage raises its own.
    """
    return _opened(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=1)
def _opened(path: Path, changed: int) -> GGUFReader:
    """Open a file as it was last changed."""
    from gguf import GGUFReader

    return GGUFReader(path)
