"""What a page's sliders say, computed by the explorer's programs and by dry runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from simulator.accounting.twins.symbols import Program
from simulator.accounting.twins.symbols import run as execute
from simulator.experiments.trial.dry import EqualShards
from simulator.experiments.trial.trial import run
from simulator.scenario.scenario import Scenario

FIGURES = ("seconds", "up", "down", "joules", "work")


@dataclass(frozen=True)
class Wish:
    """Where the sliders are.

    Attributes:
        links, devices, server: factors on speeds.
        batches: full batches on each device; None: as the data are partitioned.
        head: blocks on the device; None: as in the entry.
        kept: the percentage that pruning keeps; None: as in the entry.
        rounds: how many rounds; None: as in the entry.
    """

    links: float = 1.0
    devices: float = 1.0
    server: float = 1.0
    batches: int | None = None
    head: int | None = None
    kept: int | None = None
    rounds: int | None = 1


def by_program(found: dict[str, Any], number: int, wish: Wish) -> tuple[dict[str, float], bool] | None:
    """Return an entry's figures by its programs, and whether they are exact; None where it has no program."""
    entry = found["entries"][number]
    head = entry["head"] if wish.head is None else wish.head
    own = tuple(map(int, entry["kept"] or (1, 1)))
    part, whole = own if wish.kept is None or entry["kept"] is None else (wish.kept, 100)
    fitting = [
        one
        for one in entry["programs"]
        if one["equal"] == (wish.batches is not None)
        and one["pruned"] == (part < whole)
        and (entry["head"] is None or one["head"] == head)
    ]
    if not fitting:
        return None
    (program,) = fitting
    sums, exact = dict.fromkeys(FIGURES, 0.0), not program["doubts"]
    for cohort in entry["cohorts"][: entry["rounds"] if wish.rounds is None else wish.rounds]:
        inputs = {"links": wish.links, "devices": wish.devices, "server": wish.server}
        inputs["batches"] = wish.batches or 0
        inputs["kept"] = inputs["batches"] * entry["batch_size"] * part // whole
        for at, (group, samples) in enumerate(cohort):
            inputs |= {f"g{at}": group, f"n{at}": samples, f"k{at}": samples * part // whole}
        out = execute(Program(program["lines"], program["outputs"]), found["tables"], **inputs)
        sums = {name: amount + out[name] for name, amount in sums.items()}
        exact &= all(out[f"lower{at}"] <= out[f"upper{at}"] for at in range(len(program["conditions"])))
    return sums, exact


def by_later_rounds(settings: Scenario, number: int, wish: Wish) -> dict[str, float]:
    """Return an entry's figures for as many rounds after the first one, where all devices take part in all rounds."""
    assert wish.rounds is not None
    more, one = (by_dry_run(settings, number, replace(wish, rounds=count)) for count in (wish.rounds + 1, 1))
    return {name: more[name] - one[name] for name in FIGURES}


def by_dry_run(settings: Scenario, number: int, wish: Wish) -> dict[str, float]:
    """Return an entry's figures by a dry run of the changed scenario, with frozen weights on the devices."""
    world, data, entry = settings.world, settings.data, settings.algorithms[number]
    devices = tuple(_faster(group, wish.links, wish.devices) for group in world.devices)
    world = world.model_copy(update={"devices": devices, "server": _faster(world.server, 1.0, wish.server)})
    world = world.model_copy(update={"provisioning": "preinstalled"})
    if wish.batches is not None:
        samples = wish.batches * entry.training.batch_size
        data = data.model_copy(update={"partition": EqualShards(samples=samples)})
    algorithm: Any = entry.algorithm
    if wish.head is not None and hasattr(algorithm, "head"):
        algorithm = (
            algorithm.cut_at(head=wish.head)
            if hasattr(algorithm, "cut_at")
            else algorithm.model_copy(update={"head": wish.head})
        )
    if wish.kept is not None and hasattr(algorithm, "keep_fraction"):
        algorithm = algorithm.model_copy(update={"keep_fraction": wish.kept / 100})
    training = entry.training if wish.rounds is None else entry.training.model_copy(update={"rounds": wish.rounds})
    entry = entry.model_copy(update={"algorithm": algorithm, "training": training})
    outcome = run(settings.model_copy(update={"world": world, "data": data}), entry, settings.seeds[0], dry=True)
    uses = [use for use in outcome.uses if use.side == "client"]
    return {
        "seconds": outcome.rounds[-1].sim_time_s,
        "up": sum(use.bytes for use in uses if use.activity == "upload"),
        "down": sum(use.bytes for use in uses if use.activity == "download"),
        "joules": sum(use.energy_j for use in uses),
        "work": sum(use.flops for use in uses),
    }


def _faster(site: Any, links: float, speed: float) -> Any:
    """Return a site with faster links, that computes faster."""
    scaled = {way: getattr(site, way).model_copy(update={"rate": links * getattr(site, way).rate}) for way in _WAYS}
    rates = {precision: speed * rate for precision, rate in site.rate.items()}
    bandwidth = None if site.memory_bandwidth is None else speed * site.memory_bandwidth
    return site.model_copy(update={**scaled, "rate": rates, "memory_bandwidth": bandwidth})


_WAYS = ("uplink", "downlink")
