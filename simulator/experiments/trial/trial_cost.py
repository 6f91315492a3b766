"""What one trial takes, from the round of one device that takes part alone.

A dry run of a few batches gives the rows of the ledger, the FLOPs and the memory of a client's round; the rest is
multiplication.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from simulator.experiments.trial.build import devices, structure
from simulator.experiments.trial.dry import DeviceClass, lone_device
from simulator.experiments.trial.model import build_model, load
from simulator.experiments.trial.partition import mean_samples
from simulator.experiments.trial.trial import Trial
from simulator.learning.data.pool import Pool

if TYPE_CHECKING:
    from simulator.scenario.scenario import Entry, Scenario

ROW_SECONDS = 1.5e-4
"""Of each row of a ledger: simulating, adding up and writing it. A core of 2020 takes 0.5e-4 to 2e-4."""
DEVICE_SECONDS, DEVICE_ROUND_SECONDS = 3e-4, 1e-6
"""Of each device: to build it, and to look at it in each round."""
BASE_BYTES, ROW_BYTES, DEVICE_BYTES = 1_000_000_000, 600, 6000
"""Of torch and the model, of each row of a ledger and of each device."""
ROWS_OF_A_BATCH = 15
"""At most."""
PILOT_BATCHES, PILOT_EPOCHS = 16, 4
"""Of the device that takes part alone, at most; more are in proportion."""
EPOCHS = ("local_epochs", "split_epochs", "personal_epochs")
REPEATS = ("inner_steps", "steps")
"""Settings of algorithms that multiply the work of a round."""


class Cost(NamedTuple):
    """What one trial takes.

    Attributes:
        rows: the rows of its ledger.
        seconds: wall-clock seconds, without what is computed on tensors.
        flops: FLOPs that are computed on tensors.
        bytes: memory.
    """

    rows: float
    seconds: float
    flops: float
    bytes: float


class _Round(NamedTuple):
    """What the round of one client takes.

    Attributes:
        rows: rows of the ledger.
        flops: FLOPs, of the device and of the server.
        seconds: simulated seconds.
        client_bytes: the memory of the device at its fullest.
        server_bytes: the memory of the server at its fullest.
        stored_bytes: what the device keeps from round to round.
    """

    rows: float
    flops: float
    seconds: float
    client_bytes: float
    server_bytes: float
    stored_bytes: float


def is_short(scenario: Scenario, most_seconds: float) -> bool:
    """Return whether dry runs of a scenario are short, and small, even if everything in them is large."""
    try:
        batches = sum(_most_batches(scenario, entry) for entry in scenario.algorithms)
    except Exception:  # as below
        return False
    seconds = len(scenario.seeds) * (ROWS_OF_A_BATCH * ROW_SECONDS * batches + DEVICE_SECONDS * scenario.world.clients)
    return seconds < most_seconds and scenario.world.clients * DEVICE_BYTES < BASE_BYTES


def _most_batches(scenario: Scenario, entry: Entry) -> float:
    """Return an upper bound of the batches of a trial."""
    budget, training, algorithm = entry.training.budget, entry.training, entry.algorithm
    epochs = sum(getattr(each, key, 0) or 0 for each in (training, algorithm) for key in EPOCHS)
    for key in REPEATS:
        epochs *= max(1, getattr(algorithm, key, 1) or 1)
    rounds = math.inf if budget is not None else training.rounds * max(1, getattr(training.driver, "edge_rounds", 1))
    return rounds * _attempts(entry) * (1 + epochs * math.ceil(_samples(scenario) / training.batch_size))


def trial_cost(scenario: Scenario, entry: Entry, dry: bool) -> Cost | None:
    """Return what one trial of an entry takes; None if nobody can tell, or it cannot be run at all.

    Args:
        scenario: the world, the model and the data.
        entry: the algorithm.
        dry: whether it is simulated without training.
    """
    try:
        return _cost(scenario, entry, dry)
    except Exception:  # it cannot be run like this, or a plug-in fails: the run says why
        return None


def _cost(scenario: Scenario, entry: Entry, dry: bool) -> Cost | None:
    training, clients = entry.training, scenario.world.clients
    if entry.algorithm.needs_values:  # no dry run can tell what it does
        return None
    held = _held(scenario)
    samples = _samples(scenario)
    attempts, active = _attempts(entry), min(_active(entry), clients)
    pilot, scale = _pilot(scenario, entry, samples)
    rounds = _rounds(entry, pilot, scale, attempts)
    work = attempts * rounds * scale
    rows, flops = work * pilot.rows, work * pilot.flops
    simulated = rows * ROW_SECONDS + clients * (DEVICE_SECONDS + rounds * DEVICE_ROUND_SECONDS)
    memory = rows * ROW_BYTES + clients * DEVICE_BYTES + 16.0 * held
    if dry:
        return Cost(rows, simulated, 0.0, memory)
    model, modality = structure(scenario, entry), build_model(scenario, seed=0, dry=True).modality
    forward = model.sizes(model.whole, (1, *modality.shape)).forward
    evaluations = 2 + (rounds / every if isinstance(every := scenario.evaluation.every, int) else rounds)
    trained = 4.0 * sum(parameter.numel() for parameter in _trained(model))
    personal = pilot.stored_bytes > trained / 2  # each of the clients has a model of its own
    models = min(clients, scenario.evaluation.clients or clients) if personal else 1
    flops += evaluations * models * forward * (scenario.evaluation.samples or len(load(scenario).test))
    splits = hasattr(entry.algorithm, "head")  # what a split client keeps waits for the server, side by side
    memory += pilot.server_bytes + (active if splits else 1) * pilot.client_bytes + clients * pilot.stored_bytes
    memory += 1.0 * modality.sample_bytes * held
    memory += active * trained * (2 + training.optimizer.copies)
    return Cost(rows, simulated, flops, memory)


def _trained(model: Any) -> list[torch.Tensor]:
    """Return the parameters of a model that are trained."""
    parameters = dict(torch.nn.Sequential(*model.stages.values()).named_parameters())
    return [parameter for parameter in parameters.values() if parameter.requires_grad]


def _held(scenario: Scenario) -> int:
    """Return how many samples are held in memory."""
    raw = load(scenario)
    return len(raw.test) + (0 if isinstance(raw.train.labels, Pool) else len(raw.train))


def _samples(scenario: Scenario) -> float:
    """Return how many samples a device has, on average."""
    return max(1.0, mean_samples(scenario))


def _attempts(entry: Entry) -> float:
    """Return how many clients train for each aggregation."""
    training, driver = entry.training, entry.training.driver
    if driver.name == "fedasync":
        return 1.0
    own = getattr(driver, "buffer", None)
    return float(own or math.ceil(training.clients_per_round * getattr(driver, "over_selection", 1.0)))


def _active(entry: Entry) -> int:
    """Return how many clients train at the same time."""
    driver, cohort = entry.training.driver, entry.training.clients_per_round
    return int(getattr(driver, "concurrency", None) or math.ceil(cohort * getattr(driver, "over_selection", 1.0)))


def _rounds(entry: Entry, pilot: _Round, scale: float, attempts: float) -> float:
    """Return how many rounds there will be, at most: a budget may end a trial earlier, or later."""
    budget = entry.training.budget
    if budget is None:
        return float(entry.training.rounds)
    if budget.updates is not None:
        return math.ceil(budget.updates / attempts)
    if budget.seconds is not None:
        at_once = max(1.0, _active(entry) / attempts)
        return math.ceil(at_once * budget.seconds / max(1e-9, scale * pilot.seconds))
    return float(entry.training.rounds)


def _pilot(scenario: Scenario, entry: Entry, samples: float) -> tuple[_Round, float]:
    """Return what the round of one client takes that has a few batches, and how many times this is all of its round."""
    batch, few = entry.training.batch_size, samples
    if samples > PILOT_BATCHES * entry.training.batch_size:
        few = PILOT_BATCHES * entry.training.batch_size
    scale = max(1.0, math.ceil(samples / batch) / math.ceil(few / batch))
    entry, repeated = _capped(entry)
    name, group = next(devices(scenario.world))
    tiers = scenario.world.tiers
    edge = tiers.entries[tiers.devices[name]] if name in tiers.devices else None
    lone, alone = lone_device(scenario, entry, DeviceClass(group, max(1, round(few)), edge))
    lone = lone.model_copy(update={"algorithms": (alone,)})
    trial = Trial(lone, alone, scenario.seeds[0], dry=True)
    result = trial.result()
    ledger, simulation = result.ledger, trial.build()
    rows = sum(
        sum(number == 2 for number in table.column("round")) for table in (ledger.works, ledger.transfers, ledger.waits)
    )
    works = zip(ledger.works.column("flops"), ledger.works.column("round"), strict=True)
    *_, first, second = (point.sim_time_s for point in result.rounds)
    return (
        _Round(
            rows,
            sum(flops for flops, number in works if number == 2),
            second - first,
            result.peak_client_memory_bytes,
            result.peak_server_memory_bytes,
            simulation.world.clients[0].site.stores.weigh(),
        ),
        scale * repeated,
    )


def _capped(entry: Entry) -> tuple[Entry, float]:
    """Return the entry with a few epochs and steps at most, and how many times its own work this is not."""
    algorithm: Any = entry.algorithm
    training: Any = entry.training
    changes: dict[int, dict[str, int]] = {0: {}, 1: {}, 2: {}}
    epochs, repeats = 1.0, 1.0
    for place, settings in enumerate((training, algorithm, training.driver)):
        for key in (*EPOCHS, *REPEATS, "edge_rounds"):
            value = getattr(settings, key, None)
            if isinstance(value, int) and value > PILOT_EPOCHS:
                changes[place][key] = PILOT_EPOCHS
                if key in EPOCHS:
                    epochs = max(epochs, value / PILOT_EPOCHS)
                else:
                    repeats *= value / PILOT_EPOCHS
    driver = training.driver.model_copy(update=changes[2])
    training = training.model_copy(update={**changes[0], "driver": driver})
    update = {"training": training, "algorithm": algorithm.model_copy(update=changes[1])}
    return entry.model_copy(update=update), epochs * repeats
