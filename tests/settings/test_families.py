"""Families of choices are alike: found, validated, listed and extended in one way."""

from __future__ import annotations

import ast
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from simulator.cli.inspect import list_
from simulator.cli.listing import WHAT
from simulator.settings.base import Settings
from simulator.settings.plugins import FAMILIES, Plugins


def folder(family: Plugins) -> Path:
    spec = find_spec(family.where)
    assert spec
    assert spec.submodule_search_locations, f"{family.where} is a package"
    return Path(spec.submodule_search_locations[0])


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_a_package_with_its_contract_in_base_and_a_group_of_its_name(name: str) -> None:
    family = FAMILIES[name]
    contract = getattr(import_module(f"{family.where}.base"), family.base)
    assert issubclass(contract, Settings)
    assert "name" in contract.__annotations__
    assert family.group == f"sfsim.{name}"
    assert family.names()


@pytest.mark.parametrize("name", FAMILIES)
def test_each_choice_has_a_file_of_its_own_named_after_it(name: str) -> None:
    family = FAMILIES[name]
    for choice in family.names():
        module = family.find(choice).__module__
        assert module == f"{family.where}.{choice}"
        tree = ast.parse((folder(family) / f"{choice}.py").read_text("utf-8"))
        assert ast.get_docstring(tree)


@pytest.mark.parametrize("name", FAMILIES)
def test_each_choice_says_what_it_is(name: str) -> None:
    family = FAMILIES[name]
    for choice in family.names():
        assert len(vars(family.find(choice)).get("__doc__") or "") > 20, choice


def test_all_of_them_can_be_listed_and_the_help_names_them() -> None:
    assert set(FAMILIES) < set(WHAT)
    (argument,) = [each for each in list_.__annotations__.values() if "datasets" in str(each)]
    assert all(name in str(argument) for name in FAMILIES)
