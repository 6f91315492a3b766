"""Plug-ins are found by name, without importing those that are not asked for."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import ValidationError

from simulator.learning.data.partition.base import Partition
from simulator.learning.data.partition.dirichlet import Dirichlet
from simulator.learning.data.partition.iid import Iid
from simulator.settings import plugins
from simulator.settings.base import Settings
from simulator.settings.plugins import PARTITIONS, Plugins

BASE = """
from typing import ClassVar
from simulator.settings.base import Settings
class Cook(Settings):
    name: ClassVar[str]
"""
CAKE = """
from typing import ClassVar
from toy_cooks.base import Cook
class Cake(Cook):
    name: ClassVar[str] = "cake"
    eggs: int = 2
"""


class Holder(Settings):
    partition: Annotated[Partition, PARTITIONS]


@pytest.fixture
def cooks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plugins:
    package = tmp_path / "toy_cooks"
    package.mkdir()
    files = {"__init__": "", "base": BASE, "cake": CAKE, "steps": "STEPS = 3\n", "soup": "raise RuntimeError\n"}
    files["soup"] += 'class Soup:\n    name = "soup"\n'
    for name, text in files.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    for module in [module for module in sys.modules if module.startswith("toy_cooks")]:
        monkeypatch.delitem(sys.modules, module)
    return Plugins("toy_cooks", "Cook", "sfsim.cooks")


def test_names_of_a_module() -> None:
    assert PARTITIONS.names() == ["classes_per_client", "dirichlet", "iid", "quantity_skew", "sizes"]


def test_names_of_a_package_come_without_importing_its_files(cooks: Plugins) -> None:
    assert cooks.names() == ["cake", "soup"]


def test_found_without_importing_the_others(cooks: Plugins) -> None:
    assert cooks.find("cake").__name__ == "Cake"


def test_found_in_a_module() -> None:
    assert PARTITIONS.find("iid") is Iid


def test_an_unknown_name_has_a_near_miss() -> None:
    with pytest.raises(ValueError, match='there is no partition named "dirichle"; did you mean "dirichlet"'):
        PARTITIONS.find("dirichle")


def test_another_package_adds_one(monkeypatch: pytest.MonkeyPatch) -> None:
    add(monkeypatch, "by_hand", f"{__name__}:ByHand")
    kinds = Plugins("simulator.learning.data.partition", "Partition", "sfsim.partitions")
    assert kinds.names() == sorted(["by_hand", *PARTITIONS.names()])
    assert kinds.find("by_hand") is ByHand


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("no_such_package:Thing", "cannot be loaded: No module named 'no_such_package'"),
        ("simulator.settings.base:Settings", 'is not a Partition with the name "by_hand"'),
    ],
)
def test_another_package_promises_too_much(monkeypatch: pytest.MonkeyPatch, value: str, said: str) -> None:
    add(monkeypatch, "by_hand", value)
    with pytest.raises(ValueError, match=said):
        Plugins("simulator.learning.data.partition", "Partition", "sfsim.partitions").find("by_hand")


def test_a_field_reads_and_writes_with_the_name() -> None:
    holder = Holder.model_validate({"partition": {"name": "dirichlet", "alpha": 0.5}})
    assert holder.partition == Dirichlet(alpha=0.5)
    assert holder.model_dump() == {"partition": {"name": "dirichlet", "alpha": 0.5, "min_samples": 8}}


def test_a_field_takes_an_instance() -> None:
    assert Holder(partition=Iid()).partition == Iid()


@pytest.mark.parametrize(
    ("given", "where"),
    [
        ({"name": "dirichlet", "alpha": -1}, ("partition", "alpha")),
        ({"name": "dirichlet", "alpha": 1, "beta": 2}, ("partition", "beta")),
        ({"name": "none"}, ("partition", "name")),
        ({"name": ["iid"]}, ("partition", "name")),
        ({"alpha": 1}, ("partition", "name")),
        ("iid", ("partition",)),
    ],
)
def test_a_field_says_where_it_is_wrong(given: Any, where: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError) as error:
        Holder.model_validate({"partition": given})
    assert [problem["loc"] for problem in error.value.errors()] == [where]


class ByHand(Partition):
    name = "by_hand"


def add(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setattr(plugins, "entry_points", lambda group: [EntryPoint(name, value, group)])
