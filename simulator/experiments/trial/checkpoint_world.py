"""What a checkpoint holds of a trial, and how the trial gets it back."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING, Any

from torch import Tensor

from simulator.experiments.trial.checkpoint_file import CheckpointError
from simulator.experiments.trial.checkpoint_pour import Decoder
from simulator.experiments.trial.checkpoint_tree import Encoder, Node, UnstorableError, name_of
from simulator.world.clients import Installed
from simulator.world.store import Store

if TYPE_CHECKING:
    from simulator.experiments.trial.checkpoint_names import TrialNames
    from simulator.world.clients import Client
    from simulator.world.queue import Job
    from simulator.world.sites import Site
    from simulator.world.world import World


class NotNowError(Exception):
    """No checkpoint can be made now, but perhaps after the next aggregation."""


def progress(world: World) -> dict[str, Any]:
    """Return how far a world is: what a replay must come to as well."""
    return {
        "clock": world.now,
        "aggregations": world.aggregations,
        "updates": world.updates,
        "bytes": world.bytes_sent,
        "rows": {name: len(table) for name, table in world.ledger.tables().items()},
        "memory": {site.name: [site.memory.bytes, site.memory.peak_bytes] for site in world.sites},
    }


def check_progress(world: World, before: dict[str, Any]) -> None:
    """Check that a replay has come to where a checkpoint was made.

    Raises:
        CheckpointError: it has not.
    """
    for what, now in progress(world).items():
        if now != before[what]:
            if isinstance(now, dict):
                part = next((part for part in now if now[part] != before[what].get(part)), "")
                what, now, old = f"{what} of {part}", now.get(part), before[what].get(part)
            else:
                old = before[what]
            raise CheckpointError(
                f"was made by another code or on another machine: {what} comes to {now} when its time is simulated "
                f"again, and was {old}"
            )


def encoded_records(site: Site, encoder: Encoder) -> dict[str, Node]:
    """Return the records of a site, by class.

    Raises:
        UnstorableError: something in them cannot be stored.
    """
    return {
        name_of(kind): {
            field: encoder.encode(value, f"{field} of {kind.__name__} at {site.name}")
            for field, value in vars(record).items()
        }
        for kind, record in site.stores.items()
        if not is_replayed(kind)
    }


def is_replayed(kind: type[Store]) -> bool:
    """Return whether a replay makes the records of a class itself."""
    return kind.replayed


def pour_records(site: Site, records: dict[str, Node], decoder: Decoder) -> None:
    """Give the records of a site the values of a checkpoint.

    A field is set past ``__setattr__``, which would note a change: what the records weigh is known.
    """
    kinds: dict[str, type[Store]] = {name_of(kind): kind for kind in site.stores}
    for name, fields in records.items():
        kind = kinds.get(name) or _record(name)
        record = site.store(kind)
        for field, node in fields.items():
            vars(record)[field] = decoder.pour(node, vars(record).get(field))


def encoded_works(world: World, encoder: Encoder) -> list[Node]:
    """Return the arguments of those works in service that will still change what is in a record.

    They were asked for by clients that have been stopped since; nobody waits for their results.

    Args:
        world: the world, after an aggregation.
        encoder: has encoded the records of all sites.

    Raises:
        NotNowError: an argument cannot be stored.
    """
    try:
        return [
            [site.name, place, encoder.encode(list(_arguments(job)), f"the arguments of {job.work.name}")]
            for site in world.sites
            for place, job in enumerate(site.service.serving)
            if job.writes is not None and job.process.stopped and encoder.has(job.writes)
        ]
    except UnstorableError as error:
        raise NotNowError from error


def pour_works(world: World, works: list[Node], decoder: Decoder) -> None:
    """Give works in service the arguments that they had when a checkpoint was made."""
    sites = {site.name: site for site in world.sites}
    for name, place, node in works:
        job = list(sites[name].service.serving)[place]
        arguments = decoder.pour(node, list(_arguments(job)))
        run, bound = job.work.run, len(arguments) - len(job.args)
        if isinstance(run, partial):
            job.work.run = partial(run.func, *arguments[:bound])
        job.args = tuple(arguments[bound:])


def _arguments(job: Job) -> tuple[Any, ...]:
    """Return the arguments of a work, those that it is bound to first."""
    run = job.work.run
    return (*(run.args if isinstance(run, partial) else ()), *job.args)


def receive_frozen(clients: Iterable[Client], names: TrialNames) -> None:
    """Give devices the real values of those frozen tensors that a replay has no values of."""
    for client in clients:
        if Installed in client.site.stores:
            weights = client.store(Installed).weights
            for name, tensor in weights.items():
                if isinstance(tensor, Tensor) and tensor.is_meta:
                    weights[name] = names.arrived(name)


def _record(name: str) -> type[Store]:
    """Return the class of a record that the replay has not made."""
    module, _, rest = name.partition(":")
    kind: Any = sys.modules.get(module)
    for part in rest.split("."):
        kind = getattr(kind, part, None)
    if not (isinstance(kind, type) and issubclass(kind, Store)):
        raise CheckpointError(f"has a record {name}, which there is not")
    return kind
