"""Tables fit where they are shown, and no figure is ever cut off."""

from __future__ import annotations

from io import StringIO

import pytest
from rich import box
from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from simulator.settings.terminal import PIPED, Fitted, print_on, say, show

WORDS = "words that may be broken where there is a blank"


def table(columns: int = 6, text: bool = False) -> Table:
    made = Table(title="what it is", caption="what it means", box=box.SIMPLE_HEAD, pad_edge=False)
    made.add_column("name", no_wrap=True)
    for number in range(columns):
        made.add_column(f"column {number}", justify="right", no_wrap=True)
    if text:
        made.add_column("text")
    for row in ("one", "another"):
        made.add_row(row, *(f"{row[0]}{number} GFLOP/s" for number in range(columns)), *([WORDS] * text))
    return made


def at(width: int, made: Table, keys: int = 1) -> str:
    console = Console(file=StringIO(), width=width)
    console.print(Fitted(made, keys))
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize("width", [30, 50, 80, 200])
def test_no_figure_is_cut_off_and_no_line_is_too_long(width: int) -> None:
    shown = at(width, table())
    assert max(map(len, shown.splitlines())) <= width
    for number in range(6):
        assert all(f"{row}{number} GFLOP/s" in shown for row in "oa")
    assert "…" not in shown


def test_what_fits_is_one_table() -> None:
    assert at(200, table()).count("another") == 1


def test_each_piece_says_what_its_rows_are_about_and_the_title_and_the_caption_come_once() -> None:
    shown = at(50, table())
    assert shown.count("another") == shown.count("name") == 2
    assert shown.count("what it is") == shown.count("what it means") == 1


def test_several_columns_can_be_in_all_pieces() -> None:
    shown = at(60, table(), keys=2)
    assert shown.count("another") == shown.count("column 0") > 1
    assert shown.count("column 1") == 1


def test_text_is_broken_before_a_table_is_split() -> None:
    shown = at(60, table(2, text=True))
    assert shown.count("another") == 1
    assert WORDS not in shown


def test_in_a_pipe_every_row_of_figures_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    show(Group(table(20), "a note"))
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.strip().startswith("another") for line in lines) == 1
    assert max(map(len, lines)) > PIPED
    assert [line for line in lines if line != line.rstrip()] == []


def test_in_a_pipe_text_is_broken(capsys: pytest.CaptureFixture[str]) -> None:
    made = Table()
    made.add_column("text")
    made.add_row(WORDS * 5)
    show(made)
    assert max(map(len, capsys.readouterr().out.splitlines())) <= PIPED


def test_a_width_that_is_asked_for_is_kept(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    show(table())
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 40


def test_in_a_pipe_a_sentence_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    say(WORDS * 5, indent=2)
    assert capsys.readouterr().out == f"  {WORDS * 5}\n"


def test_on_a_terminal_a_sentence_is_broken_between_words_and_indented(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "30")
    say(WORDS, indent=2)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 1
    assert all(line.startswith("  ") and len(line) <= 30 for line in lines)
    assert " ".join(line.strip() for line in lines) == WORDS


def test_on_a_console_that_is_no_terminal_a_table_has_no_blanks_at_the_ends_of_lines() -> None:
    made, text = Table("name", "text", box=None), StringIO()
    made.add_row("a", "[b]long[/b] :smile:")
    made.add_row("b", Text("x [/y]"))
    print_on(Console(file=text, width=40), made)
    lines = text.getvalue().splitlines()
    assert [line for line in lines if line != line.rstrip()] == []
    assert lines[-1].split() == ["b", "x", "[/y]"]
