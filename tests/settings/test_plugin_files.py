"""Plug-ins in a file of a user's: found by name, kept with runs, and told about in the file's own lines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.experiments.sweep import points, settings
from simulator.settings.errors import ScenarioError
from simulator.settings.plugin_files import files_of, load_file, unload_file
from simulator.settings.plugins import FAMILIES, PARTITIONS, SELECTIONS
from tests.helpers.commands import Sfsim
from tests.helpers.plugin_files import FIRST, SCENARIO, plugin_folder


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    yield from plugin_folder(tmp_path, monkeypatch)


def refused(text: str) -> str:
    Path("mine.py").write_text(text)
    before = {family: kinds.names() for family, kinds in FAMILIES.items()}
    with pytest.raises(ScenarioError) as error:
        load_file("mine.py")
    assert before == {family: kinds.names() for family, kinds in FAMILIES.items()}
    return str(error.value)


def test_a_file_adds_what_it_defines_until_it_is_unloaded() -> None:
    file = load_file("mine.py")
    assert file.names == {"selections": ["first"]}
    assert SELECTIONS.find("first").__name__ == "First"
    unload_file("mine.py")
    assert "first" not in SELECTIONS.names()


def test_a_file_can_define_plug_ins_of_several_families() -> None:
    partition = "from simulator.learning.data.partition.iid import Iid\n\n\nclass Own(Iid):\n    name = 'own'\n"
    Path("mine.py").write_text(f"{FIRST}\n\n{partition}")
    assert load_file("mine.py").names == {"partitions": ["own"], "selections": ["first"]}
    assert PARTITIONS.read({"name": "own"}).model_dump() == {}


def test_what_a_file_imports_is_not_its_own() -> None:
    Path("mine.py").write_text(f"from simulator.scheduling.selection.uniform import Uniform\n{FIRST}")
    assert load_file("mine.py").names == {"selections": ["first"]}


def test_a_file_that_has_changed_replaces_what_it_defined() -> None:
    load_file("mine.py")
    Path("mine.py").write_text(FIRST.replace('"first"', '"second"'))
    load_file("mine.py")
    assert {"first", "second"} & set(SELECTIONS.names()) == {"second"}


def test_a_file_that_has_not_changed_is_not_executed_again() -> None:
    load_file("mine.py")
    kind = SELECTIONS.find("first")
    load_file("mine.py")
    assert SELECTIONS.find("first") is kind


def test_a_file_can_import_what_lies_beside_it() -> None:
    Path("beside_mine.py").write_text("SKIP = 3\n")
    Path("mine.py").write_text(f"from beside_mine import SKIP\n{FIRST}".replace("skip: int = 0", "skip: int = SKIP"))
    load_file("mine.py")
    assert SELECTIONS.read({"name": "first"}).model_dump() == {"skip": 3}


def test_a_name_that_is_taken_by_the_package_is_refused() -> None:
    assert refused(FIRST.replace('"first"', '"uniform"')) == (
        'mine.py: First has the name "uniform", but sfsim has a selection of this name: give another'
    )


def test_a_name_that_is_taken_by_another_file_is_refused() -> None:
    load_file("mine.py")
    Path("other.py").write_text(FIRST)
    with pytest.raises(ScenarioError, match=r"but mine\.py has a selection of this name: give another"):
        load_file("other.py")


def test_a_file_without_a_plug_in_is_told_what_counts() -> None:
    said = refused("x = 1\n")
    assert said.startswith("mine.py defines nothing that a scenario can name: what counts are classes with a name,")
    assert all(kinds.base in said for kinds in FAMILIES.values())


def test_a_class_without_a_name_is_told() -> None:
    said = refused(FIRST.replace('    name: ClassVar[str] = "first"\n', ""))
    assert said.endswith(': First is a Selection without a name; give it name: ClassVar[str] = "..."')


def test_an_error_in_a_file_is_told_by_its_own_lines() -> None:
    assert refused("def f():\n    return 1 / 0\n\n\nf()\n").splitlines() == [
        "mine.py cannot be loaded:",
        "  mine.py, line 5, in <module>: f()",
        "  mine.py, line 2, in f: return 1 / 0",
        "  ZeroDivisionError: division by zero",
    ]


def test_a_file_that_is_no_python_is_told() -> None:
    assert refused("x = 1\ny = )\n").splitlines() == [
        "mine.py cannot be loaded:",
        "  mine.py, line 2: y = )",
        "  SyntaxError: unmatched ')'",
    ]


@pytest.mark.parametrize(
    ("file", "said"),
    [("none.py", "none.py: there is no such file"), ("tiny.yaml", "tiny.yaml: a plug-in is a Python file")],
)
def test_a_file_that_is_none_is_told(file: str, said: str) -> None:
    with pytest.raises(ScenarioError, match=said):
        load_file(file)


@pytest.mark.parametrize("command", [("run", "tiny.yaml", "--dry"), ("validate", "tiny.yaml"), ("plan", "tiny.yaml")])
def test_a_command_takes_a_file(command: tuple[str, ...], sfsim: Sfsim) -> None:
    status, _, err = sfsim(*command)
    assert status == 2
    assert 'there is no selection named "first"; one of your own is added by --plugin FILE.py' in err
    status, _, err = sfsim(*command, "--plugin", "mine.py")
    assert (status, err) == (0, "")


def test_a_broken_file_is_one_message_of_a_command(sfsim: Sfsim) -> None:
    Path("mine.py").write_text("1 / 0\n")
    status, out, err = sfsim("run", "tiny.yaml", "--plugin", "mine.py")
    assert (status, out) == (2, "")
    assert err.splitlines()[0] == "sfsim: mine.py cannot be loaded:"
    assert "Traceback" not in err


def test_an_error_while_it_runs_is_told_by_its_own_lines(sfsim: Sfsim) -> None:
    Path("mine.py").write_text(FIRST.replace("return eligible", "return illegible"))
    status, _, err = sfsim("run", "tiny.yaml", "--plugin", "mine.py", "--dry")
    assert status == 2
    assert err.splitlines() == [
        "sfsim: an error in a plug-in:",
        "  mine.py, line 13, in choose: return illegible(clients)[self.skip : self.skip + size]",
        "  NameError: name 'illegible' is not defined",
    ]


@pytest.mark.parametrize(
    ("instead", "said"),
    [
        ("[]", "first chose no client in round 1, though 20 can take part (allowed: a cohort of at least one)"),
        ("None", "first chose no client in round 1, though 20 can take part"),
        ("[0, 1]", "first chose 0 in round 1, which is not one of the clients it was given"),
        ("clients[:1] * 2", "-0> twice in round 1"),
    ],
)
@pytest.mark.parametrize("driver", ["name: synchronous", "name: fedbuff, buffer: 1, concurrency: 2"])
def test_a_selection_that_selects_nothing_is_told(driver: str, instead: str, said: str, sfsim: Sfsim) -> None:
    Path("mine.py").write_text(FIRST.replace("eligible(clients)[self.skip : self.skip + size]", instead))
    driven = f"training.driver={{{driver}}}"
    status, _, err = sfsim("run", "tiny.yaml", "--plugin", "mine.py", "--dry", "--set", driven)
    assert status == 2
    assert said in err
    assert err.count("\n") == 1


NOTHING = """\
from typing import ClassVar

from simulator.algorithms.fedavg import FedAvg
from simulator.learning.models.adaptation import Adaptation


class Nothing(FedAvg):
    \"\"\"FedAvg of nothing.\"\"\"

    name: ClassVar[str] = "nothing"

    def adapt(self, training):
        return Adaptation(lambda name, stages: False)
"""


def test_an_algorithm_that_trains_nothing_is_told(sfsim: Sfsim) -> None:
    Path("mine.py").write_text(f"{FIRST}\n\n{NOTHING}")
    Path("tiny.yaml").write_text(SCENARIO.replace("{name: fedavg, training: {train: linear}}", "{name: nothing}"))
    status, _, err = sfsim("validate", "tiny.yaml", "--plugin", "mine.py")
    assert status == 2
    assert "nothing trains nothing: no parameter of the model is selected by its adapt" in err
    assert err.count("\n") == 1


def test_a_run_keeps_the_file_that_it_used(sfsim: Sfsim) -> None:
    Path("unused.py").write_text(FIRST.replace('"first"', '"other"'))
    status, _, _ = sfsim("run", "tiny.yaml", "--plugin", "mine.py", "--plugin", "unused.py", "--dry", "--out", "here")
    assert status == 0
    (kept,) = json.loads(Path("here/environment.json").read_text())["plugins"]
    assert kept["file"] == "plugins/mine.py"
    assert kept["names"] == {"selections": ["first"]}
    assert Path("here", kept["file"]).read_text() == FIRST
    unload_file("mine.py")
    again = ("run", "here/scenario.yaml", "--plugin", "here/plugins/mine.py", "--dry", "--out", "again")
    assert sfsim(*again)[0] == 0
    assert Path("again/rounds.csv").read_text() == Path("here/rounds.csv").read_text()


def test_a_run_without_plug_ins_says_nothing_of_them(sfsim: Sfsim) -> None:
    command = ("run", "tiny.yaml", "--dry", "--out", "here", "--set", "training.selection={name: uniform}")
    assert sfsim(*command)[0] == 0
    assert "plugins" not in json.loads(Path("here/environment.json").read_text())
    assert not Path("here/plugins").exists()


def test_a_file_reaches_the_workers_of_a_sweep(sfsim: Sfsim) -> None:
    status, out, err = sfsim("sweep", "sweep.yaml", "--plugin", "mine.py", "--dry", "--workers", "2", "--out", "here")
    assert (status, err) == (0, "")
    assert "2 of 2 trials are done, 2 of them now" in out


def test_a_changed_file_makes_other_trials_of_a_sweep() -> None:
    def hashes() -> list[str]:
        load_file("mine.py")
        sweep = settings.load("sweep.yaml")
        return list(points.plan(sweep, points.base(sweep), dry=True).trials)

    first = hashes()
    assert hashes() == first
    Path("mine.py").write_text(f"{FIRST}# changed\n")
    assert not set(first) & set(hashes())


def test_which_files_some_settings_are_made_of() -> None:
    file = load_file("mine.py")
    kind = SELECTIONS.find("first")
    assert files_of({"a": [kind()]}) == [file]
    assert files_of([PARTITIONS.read({"name": "iid"})]) == []


def test_two_plug_ins_of_one_name_in_one_file_are_refused() -> None:
    second = FIRST[FIRST.index("class First") :].replace("class First", "class Second")
    assert refused(f"{FIRST}\n\n{second}") == (
        'mine.py: First and Second have the same name, "first": give each selection its own'
    )


def test_an_error_in_a_worker_names_the_file_as_its_user_did(sfsim: Sfsim) -> None:
    Path("mine.py").write_text(FIRST.replace("return eligible", "return illegible"))
    command = ("sweep", "sweep.yaml", "--plugin", "mine.py", "--dry", "--workers", "2", "--out", "here")
    assert "  mine.py, line 13, in choose" in "".join(sfsim(*command)[1:])
