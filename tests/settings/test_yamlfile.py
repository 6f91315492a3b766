"""YAML as plain data: the merge key."""

from __future__ import annotations

import pytest

from simulator.settings.yamlfile import YamlError, parse

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
