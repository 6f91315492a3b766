"""A forgotten `yield from` in an algorithm of a user's is told with its line, instead of doing nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.cli.templates import files_for
from simulator.experiments.trial.trial import run
from simulator.scenario.scenario import load
from simulator.settings.errors import ScenarioError
from simulator.settings.plugin_files import load_file, own_lines, unload_file
from simulator.world.unawaited import OURS, Watch

MINE = Path("mine.py")
TEXT = files_for("mine", MINE)[MINE]
SCENARIO = """
name: tiny
world: {devices: [{name: raspberry-pi-4, count: 20}], server: {name: rtx-4090}}
model: {name: random, image_size: 8}
data: {name: digits}
training: {rounds: 1, clients_per_round: 2, batch_size: 70, optimizer: {name: sgd, learning_rate: 0.05}}
algorithms: [{name: mine}]
"""
INSTALL = "        yield from client.install(model)"
FORGOTTEN = {
    "a value that is used": ("received = yield from client.download", "received = client.download"),
    "a statement": (INSTALL, "        client.install(model)"),
    "yield without from": (INSTALL, "        yield client.install(model)"),
    "a helper as a statement": ("yield from train_epochs(", "train_epochs("),
    "a helper whose value is never read": ("yield from train_epochs(", "steps = train_epochs("),
    "a helper within": (INSTALL, "        def inner():\n            yield from client.install(model)\n        inner()"),
    "an update's value": ("Update((yield from client.upload(sent, 'model'))", "Update(client.upload(sent, 'model')"),
    "what the client returns": (
        "Update((yield from client.upload(sent, 'model')), weight=len(client.data))",
        "client.upload(sent, 'model')",
    ),
    "a payload": ("client.upload(sent, 'model')", "client.upload(client.download(sent, 'x'), 'model')"),
    "a buffer": (INSTALL, f"{INSTALL}\n        queue = world.buffer(1)\n        queue.put(3)"),
    "side by side": (INSTALL, "        world.together(client.install(model))"),
    "the mean": ("mean = yield from super()", "yield from site.compute(wait)\n        mean = super()"),
}
CALLED = {
    "a value that is used": 'client.download(state, "model")',
    "a statement": "client.install(model)",
    "yield without from": "client.install(model)",
    "a helper as a statement": "train_epochs(client, model, task.training.local_epochs)",
    "a helper whose value is never read": "train_epochs(client, model, task.training.local_epochs)",
    "a helper within": "inner()",
    "an update's value": "client.upload(sent, 'model')",
    "what the client returns": "client.upload(sent, 'model')",
    "a payload": "client.download(sent, 'x')",
    "a buffer": "queue.put(3)",
    "side by side": "world.together(client.install(model))",
    "the mean": "super().aggregate(site, task, state, updates)",
}
WAIT = """

from simulator.accounting.costs import Cost, work


@work(cost=lambda: Cost())
def wait():
    pass
"""


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    Path("tiny.yaml").write_text(SCENARIO)
    yield
    unload_file(MINE)


def changed(old: str, new: str) -> str:
    text = TEXT.replace('(sent, "model")', "(sent, 'model')")
    assert text.count(old) == 1, old
    return text.replace(old, new) + WAIT


def go(text: str, dry: bool = True) -> None:
    MINE.write_text(text)
    load_file(MINE)
    scenario = load("tiny.yaml")
    run(scenario, scenario.algorithms[0], 0, dry)


CLIENT = "    def client("
ROUTINE = "    has_routine: ClassVar[bool] = True\n\n"


@pytest.mark.parametrize("routine", ["", ROUTINE], ids=["each by itself", "a routine"])
@pytest.mark.parametrize("case", FORGOTTEN)
def test_the_call_and_its_line_are_named(case: str, routine: str) -> None:
    text = changed(*FORGOTTEN[case]).replace(CLIENT, routine + CLIENT)
    with pytest.raises(ScenarioError) as told:
        go(text)
    lines = [number for number, line in enumerate(text.splitlines(), 1) if CALLED[case] in line]
    assert str(told.value).startswith(f"mine.py, line {lines[-1]}: `{CALLED[case]}` was called without `yield from`")


def test_a_real_run_says_so_too() -> None:
    with pytest.raises(ScenarioError, match=r"`client.download\(state, \"model\"\)` was called without `yield from`"):
        go(changed("received = yield from client.download", "received = client.download"), dry=False)


@pytest.mark.parametrize(
    "start",
    [
        "handle = world.start(client.install(model))\n        yield from handle",
        "world.start(client.install(model))",
        "yield from world.together(client.install(model), client.install(model))",
        "steps = [client.install(model)]\n        yield from steps[0]",
        "def inner():\n            yield from client.install(model)\n        yield from inner()",
    ],
)
def test_steps_that_are_run_in_other_ways_are_fine(start: str) -> None:
    for routine in ("", ROUTINE):
        go(changed(INSTALL, f"        {start}").replace(CLIENT, routine + CLIENT))
        unload_file(MINE)


def test_what_is_yielded_must_be_an_event() -> None:
    with pytest.raises(ScenarioError, match=r"mine.py, line \d+: what it yields is not an event of the clock"):
        go(changed(INSTALL, "        yield 5"))


def test_a_method_that_never_yields_is_told_when_the_file_is_loaded() -> None:
    MINE.write_text(changed("mean = yield from super().aggregate(site, task, state, updates)", "mean = {}"))
    with pytest.raises(ScenarioError, match=r"mine.py, line \d+: Mine.aggregate never yields"):
        load_file(MINE)


def test_another_error_stays_what_it_is_and_is_told_by_its_own_lines() -> None:
    with pytest.raises(ZeroDivisionError) as error:
        go(changed(INSTALL, "        1 / 0"))
    told = own_lines(error.value)
    assert told is not None
    assert told.splitlines()[0] == "an error in a plug-in:"
    assert told.splitlines()[1].startswith("  mine.py, line ")
    assert told.splitlines()[1].partition(", in ")[2].startswith("client: 1 / 0")
    assert told.splitlines()[2:] == ["  ZeroDivisionError: division by zero"]


def test_a_verb_that_is_called_with_wrong_arguments_is_not_taken_for_a_forgotten_one() -> None:
    with pytest.raises(TypeError) as error:
        go(changed("client.upload(sent, 'model')", "client.upload(sent)"))
    told = own_lines(error.value)
    assert told is not None
    assert "missing 1 required positional argument: 'kind'" in told.splitlines()[-1]


def test_an_error_while_steps_are_kept_for_later_is_told_with_them() -> None:
    with pytest.raises(ScenarioError) as told:
        go(changed(INSTALL, "        kept = [client.install(model)]\n        1 / 0\n        yield from kept[0]"))
    first, second = str(told.value).splitlines()
    assert first.endswith("`client.install(model)` was called without `yield from`")
    assert second == "  ZeroDivisionError came after it: division by zero"


@pytest.mark.parametrize("case", ["a value that is used", "an update's value", "yield without from", "a payload"])
def test_an_error_that_surely_comes_of_it_is_not_told_besides(case: str) -> None:
    with pytest.raises(ScenarioError) as told:
        go(changed(*FORGOTTEN[case]))
    assert "came after it" not in str(told.value)


def line_of(text: str, part: str) -> int:
    return next(number for number, line in enumerate(text.splitlines(), 1) if part in line)


def test_a_helper_that_is_yielded_is_told_with_the_line_that_yields_it() -> None:
    text = changed("yield from train_epochs(", "yield train_epochs(")
    with pytest.raises(ScenarioError) as told:
        go(text)
    line = line_of(text, "yield train_epochs(")
    assert str(told.value) == (
        f"mine.py, line {line}: what it yields is not an event of the clock: a step stands after `yield from`"
    )


@pytest.mark.parametrize("call", ['world.phase("idle")', "world.exclusive(model)"])
def test_a_context_without_with_is_told(call: str) -> None:
    text = changed(INSTALL, f"{INSTALL}\n        {call}")
    with pytest.raises(ScenarioError) as told:
        go(text)
    assert str(told.value) == f"mine.py, line {line_of(text, call)}: `{call}` was called without `with`"


DRIVER = """
from typing import ClassVar

from simulator.scheduling.drivers.synchronous import Synchronous


class Idle(Synchronous):
    name: ClassVar[str] = "idle"

    def states(self, algorithm, world, task, **given):
        for state in super().states(algorithm, world, task, **given):
            world.send(world.server, world.clients[0], state, "greeting")
            yield state
"""


def test_a_driver_that_drops_a_verb_is_told_though_the_algorithm_is_none_of_the_users() -> None:
    Path("tiny.yaml").write_text(SCENARIO.replace("name: mine", "name: fedavg") + "\n")
    MINE.write_text(DRIVER)
    load_file(MINE)
    scenario = load("tiny.yaml", ["training.driver={name: idle}"])
    with pytest.raises(ScenarioError, match=r"mine.py, line \d+: `world.send\(.*\)` was called without `yield from`"):
        run(scenario, scenario.algorithms[0], 0, dry=True)


@pytest.mark.parametrize(("file", "calls"), [(f"{OURS}x.py", 0), (f"{OURS.rstrip(os.sep)}_of_mine{os.sep}x.py", 1)])
def test_a_folder_whose_name_begins_like_that_of_this_package_is_a_users(file: str, calls: int) -> None:
    noted = Watch()
    exec(compile("phase()", file, "exec"), {"phase": noted.over_context(list)})
    assert len(noted.dropped) == calls
