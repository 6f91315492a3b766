"""YAML as plain data: the merge key, what is hostile or huge, and pipes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from simulator.settings import yamlfile
from simulator.settings.yamlfile import YamlError, _Loader, _Reader, parse, read

DEFAULTS = "base: &base {name: sfprompt, head: 1, prompts: {length: 4}}\n"


def test_a_merged_mapping_has_the_other_ones_keys_and_its_own() -> None:
    data, _ = parse(f"{DEFAULTS}more: {{<<: *base, head: 3}}")
    assert data["more"] == {"name": "sfprompt", "head": 3, "prompts": {"length": 4}}


def test_of_several_merged_mappings_the_first_counts() -> None:
    data, _ = parse(f"{DEFAULTS}other: &other {{head: 2, tail: 5}}\nmore: {{<<: [*other, *base]}}")
    assert data["more"] == {"name": "sfprompt", "head": 2, "tail": 5, "prompts": {"length": 4}}


def test_merging_leaves_the_merged_mapping_as_it_is() -> None:
    data, _ = parse(f"{DEFAULTS}more: {{<<: *base, head: 3}}")
    assert data["base"]["head"] == 1


def test_the_line_of_a_merged_key_is_where_it_is_written() -> None:
    _, lines = parse(f"{DEFAULTS}\nmore:\n  <<: *base\n  tail: 2")
    assert (lines["more", "name"], lines["more", "tail"]) == (1, 5)


@pytest.mark.parametrize("merged", ["4", "[1, 2]"])
def test_only_mappings_are_merged(merged: str) -> None:
    with pytest.raises(YamlError, match="<< takes a mapping"):
        parse(f"more: {{<<: {merged}}}")


def test_a_quoted_key_merges_nothing() -> None:
    data, _ = parse('more: {"<<": 4}')
    assert data == {"more": {"<<": 4}}


def test_two_merge_keys_are_one_too_many() -> None:
    with pytest.raises(YamlError, match='line 4: the key "<<" is given twice, first in line 3: name a list'):
        parse("base: &base {head: 1}\nmore:\n  <<: *base\n  <<: {tail: 2}")


def test_each_mapping_is_merged_once_however_often_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line merges the one above twice: without memory, twenty lines would be a million mappings."""
    looked: list[yaml.MappingNode] = []
    merged = _Reader._merged

    def counting(reader: _Reader, node: yaml.MappingNode) -> list[tuple[yaml.Node, yaml.Node]]:
        looked.append(node)
        return merged(reader, node)

    monkeypatch.setattr(_Reader, "_merged", counting)
    lines = ["m0: &m0 {head: 1}", *(f"m{n}: &m{n} {{<<: [*m{n - 1}, *m{n - 1}]}}" for n in range(1, 21))]
    data, _ = parse("\n".join(lines))
    assert data["m20"] == {"head": 1}
    assert len(looked) == 22  # and the document


@pytest.mark.parametrize(
    "text",
    [
        "# first\na: 1  # one\n\n  # more\nb: [1, # in a list\n 2]\n",
        "a: |\n  # no comment\n  x\n# a comment\nb: 'x # y'\nc: x#y\n",
        "\ufeffa: 1\r\n# b\r\nc: {d: 2, # e\r\n f: 3}\r\n",
        "#\n#\u2028a: 1\n",
        "a:\n    - 1\n    -   # nothing\n    - {b: 2}   \n...\n# after the end\n",
    ],
)
def test_comments_are_skipped_as_pyyaml_skips_them(text: str) -> None:
    class Usual(_Loader):
        scan_to_next_token = yaml.SafeLoader.scan_to_next_token

    def tokens(loader: type[_Loader]) -> Iterator[tuple[str, int, int, int]]:
        for token in yaml.scan(text, loader):
            yield type(token).__name__, token.start_mark.index, token.start_mark.line, token.start_mark.column

    assert list(tokens(_Loader)) == list(tokens(Usual))


def test_a_comment_is_skipped_at_once_however_long_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = 0
    peek = _Loader.peek

    def counting(loader: _Loader, index: int = 0) -> str:
        nonlocal steps
        steps += 1
        return str(peek(loader, index))

    monkeypatch.setattr(_Loader, "peek", counting)
    parse(f"a: 1  # {'x' * 100_000}\n")
    assert steps < 1000


def test_what_json_escapes_as_two_halves_is_one_character() -> None:
    data, _ = parse('{"name": "\\ud83d\\ude00", "\\ud83d\\ude00": "\\u00e9"}')
    assert data == {"name": "😀", "😀": "é"}


@pytest.mark.parametrize("text", ['a: "\\ud800"', '"\\ude00\\ud83d": 1'])
def test_half_a_character_is_refused_with_its_line(text: str) -> None:
    with pytest.raises(YamlError, match=r"line 2: the text .* has half of a character"):
        parse(f"# first\n{text}")


def test_a_file_of_too_many_values_is_refused_before_it_is_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yamlfile, "MOST_VALUES", 2)
    with pytest.raises(YamlError, match="line 4: there are more than 2 values"):
        parse("a:\n- 1\n- 2\n- 3\n- 4\n- {b: [")


def test_a_file_that_is_too_large_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(b"#" * (yamlfile.MOST_BYTES + 1))
    with pytest.raises(YamlError, match=r"a\.yaml: the file is too large: it may have 10 MB"):
        read(file)


def test_a_pipe_is_read_once_and_remembered() -> None:
    """As in `sfsim validate <(cat scenario.yaml)`, which looks first for the kind of the file."""
    pipe, end = os.pipe()
    os.write(end, b"a: 1")
    os.close(end)
    assert read(f"/dev/fd/{pipe}").data == read(f"/dev/fd/{pipe}").data == {"a": 1}
    os.close(pipe)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("x" * 5000, "it cannot be read: File name too long"),
        ("a\0b", "no file has such"),
        ("\ud800", "no file has such"),
    ],
)
def test_what_no_file_can_be_called_is_told_in_a_line(name: str, problem: str) -> None:
    with pytest.raises(YamlError, match=problem) as error:
        read(name)
    assert len(str(error.value)) < 300


def test_a_loop_of_links_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").symlink_to(tmp_path / "a.yaml")
    with pytest.raises(YamlError, match="it cannot be read: Too many levels of symbolic links"):
        read(tmp_path / "a.yaml")
