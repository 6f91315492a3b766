"""YAML as plain data: the merge key."""

from __future__ import annotations

import pytest
import yaml

from simulator.settings.yamlfile import YamlError, _Reader, parse

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
