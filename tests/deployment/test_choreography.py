"""Several processes that play an algorithm learn and send exactly what the simulator says; here they are threads."""

import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import torch

from simulator.experiments.trial.simulate import Simulation
from tests.deployment.choreography import SERVER, Done, Stage, play
from tests.deployment.wires import Line
from tests.helpers.small_trials import scenario

ENTRIES = ["fl", "v1", "v1-prompt", "sfp"]
ROUNDS = 2
DEVICES = {"devices": [{"name": "raspberry-pi-4"}, {"name": "jetson-nano"}]}
DATA = {"name": "synthetic", "samples": 24, "test_samples": 10, "partition": {"name": "iid"}}


@pytest.fixture(params=ENTRIES)
def simulation(request: pytest.FixtureRequest, tmp_path: Path, small_model: None) -> Simulation:
    """A trial with two devices, each of which has two batches."""
    small = scenario(tmp_path, [request.param], world=DEVICES, data=DATA, training={"selection": {"name": "all"}})
    return Simulation(small, small.algorithms[0], seed=0)


def deployed(simulation: Simulation) -> tuple[dict[str, torch.Tensor], list[Done]]:
    """The last state, and all that was done, of a deployment in threads that are connected by pairs of sockets."""
    devices = [client.name for client in simulation.world.clients]
    lines: dict[str, dict[str, Line]] = {name: {} for name in (SERVER, *devices)}
    with ExitStack() as stack:
        threads, processor = (stack.enter_context(ThreadPoolExecutor(workers)) for workers in (len(lines), 1))
        for name in devices:
            ends = (stack.enter_context(end) for end in socket.socketpair())
            lines[name][SERVER], lines[SERVER][name] = map(Line, ends)
        stages = {name: Stage(name, simulation, lines[name], processor) for name in lines}
        serving = threads.submit(stages[SERVER].serve, ROUNDS)
        for part in [threads.submit(stages[name].take_part, ROUNDS) for name in devices]:
            part.result()
        return serving.result(), [done for stage in stages.values() for done in stage.done]


def test_processes_learn_and_send_what_the_simulator_says(simulation: Simulation) -> None:
    state, done = deployed(simulation)
    training, world = simulation.entry.training, simulation.world
    *_, expected = training.driver.states(
        simulation.entry.algorithm,
        world,
        simulation.task,
        rounds=ROUNDS,
        clients_per_round=len(world.clients),
        selection=training.selection,
        seeds=simulation.seeds,
    )
    assert state.keys() == expected.keys()
    for name in expected:
        torch.testing.assert_close(state[name], expected[name])
    works = [(row.client or "", row.round, row.site, row.work) for row in world.ledger.works]
    assert sorted(works) == sorted((each.client or "", *each[1:3], each.what) for each in done if not each.target)
    sent = [(row.client, row.round, row.source, row.target, row.kind, row.bytes) for row in world.ledger.transfers]
    assert sorted(sent) == sorted((*each[:5], each.bytes) for each in done if each.target)


def test_a_generator_that_waits_for_the_simulated_clock_is_refused() -> None:
    with pytest.raises(TypeError, match="cannot wait for 3"):
        play(number for number in (3, 4))
