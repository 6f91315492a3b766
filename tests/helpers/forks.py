"""Something in a fork of this process, which need not import anything again: some code, or another pytest."""

from __future__ import annotations

import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest


def forked(start: Callable[[], int | None]) -> tuple[int, str]:
    """Call a function in a fork of this process, and return its exit status and what it prints.

    Args:
        start: the function; it returns the exit status, or None for 0.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8") as printed:
        child = os.fork()
        if not child:
            status = 70
            try:
                os.dup2(printed.fileno(), 1)
                os.dup2(printed.fileno(), 2)
                sys.stdout = sys.stderr = os.fdopen(1, "w", encoding="utf-8")
                status = start() or 0
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                os._exit(status)
        _, ended = os.waitpid(child, 0)
        printed.seek(0)
        return os.waitstatus_to_exitcode(ended), printed.read()


def forked_pytest(*words: str) -> tuple[int, str]:
    """Run pytest with these words in the working directory; return its exit status and what it prints.

    Its tests find the modules that are imported here, but for those that lie in the working directory.
    """

    def start() -> int:
        for name, module in [*sys.modules.items()]:
            if Path(getattr(module, "__file__", None) or "/").parent == Path.cwd():
                del sys.modules[name]
        return int(pytest.main(["-p", "no:cacheprovider", *words]))

    return forked(start)
