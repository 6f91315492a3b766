"""Output that cannot be shown, or that nobody reads: the command goes on, and its exit status tells."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.commands import SCENARIO, Sfsim

SHOWN = """
from rich.table import Table
from simulator.cli.streams import standard_streams
from simulator.settings.terminal import show

with standard_streams():
    table = Table()
    table.add_column("label")
    table.add_row("日本")
    show(table)
    print("5 ± 1 µs, caf\\udce9")
"""
QUIET = """
import analysis, sys
from simulator.cli import main
from simulator.experiments.run import run
run.explorer = lambda scenario: None
analysis.write_report = lambda folder: (folder / "report.html").write_text("drawn")
sys.argv = ["sfsim", "run", "tiny.yaml", "--dry", "--out", "run", "--set", "seeds=[0]"]
main()
"""
LIST = [sys.executable, "-m", "simulator", "list", "devices"]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "", **more}


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_terminal_without_unicode_shows_what_it_can(unbuffered: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHOWN],
        env=environment(PYTHONIOENCODING="ascii", PYTHONUNBUFFERED=unbuffered),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert lines[-1] == "5 +/- 1 us, caf\\udce9"
    assert lines[0].strip("+-") == ""  # the box is drawn in ASCII
    assert "\\u65e5\\u672c" in done.stdout


def test_in_utf_8_only_what_is_no_text_is_replaced() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SHOWN],
        env=environment(PYTHONIOENCODING="utf-8"),
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "5 ± 1 µs, caf\\udce9"
    assert "日本" in done.stdout


def test_a_run_whose_output_nobody_reads_is_finished(tmp_path: Path) -> None:
    """As in `sfsim run ... | head -1`: the exit status is that of other programs, after the results are there."""
    (tmp_path / "tiny.yaml").write_text(SCENARIO.partition("  - {name: splitfed")[0])
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-c", QUIET]
    done = subprocess.run(
        command, cwd=tmp_path, env=environment(), stdout=write, stderr=subprocess.PIPE, check=False, timeout=300
    )
    os.close(write)
    assert (done.returncode, done.stderr) == (141, b"")
    assert (tmp_path / "run" / "report.html").read_text() == "drawn"
    assert (tmp_path / "run" / "summary.json").is_file()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no device that is always full")
def test_output_on_a_full_disk_is_told_at_the_end() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(LIST, env=environment(), stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "sfsim: not all output could be written: the disk is full; files are complete\n"


def test_without_any_output_a_command_does_its_work() -> None:
    closing = "import os, sys; os.close(1); os.close(2); os.execv(sys.executable, sys.argv[1:])"
    command = [sys.executable, "-c", closing, *LIST]
    assert subprocess.run(command, env=environment(), check=False).returncode == 0
    assert subprocess.run([*command, "--match", "nothing"], env=environment(), check=False).returncode == 2


def test_a_long_name_does_not_bury_a_message(sfsim: Sfsim) -> None:
    status, _, err = sfsim("validate", "x" * 5000)
    assert status == 2
    assert "xxx...xxx" in err
    assert len(err) < 900
