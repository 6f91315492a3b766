"""What tests of all folders share."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from simulator import cli

Sfsim = Callable[..., tuple[int, str, str]]


@pytest.fixture
def sfsim(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Sfsim:
    """The command with these words, in this process: its exit status, what it says, and what it says is wrong."""

    def call(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["sfsim", *map(str, words)])
        with pytest.raises(SystemExit) as end:
            cli.main()
        return int(end.value.code or 0), *capsys.readouterr()

    return call
