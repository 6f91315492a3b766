"""Changes to what a client was sent: what is encoded of them, and what is left out for the next one."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from simulator.learning.compression.int8 import Int8
from simulator.learning.compression.top_k import TopK
from simulator.transport.channels import Notes
from simulator.transport.wire import Wire
from simulator.world.clients import Client
from tests.helpers.channels import VALUES, a_world, another, run
from tests.helpers.worlds import Steps, pause


def turns(client: Client, models: list[tuple[Tensor, Tensor]]) -> Steps:
    """In each turn (what the client is sent, how it changes that); what the server receives each time."""
    arrived = []
    for turn, (model, change) in enumerate(models):
        client.round_index = turn
        start = yield from client.download({"w": model}, "model")
        arrived.append((yield from client.upload({"w": start["w"] + change}, "model"))["w"])
    return arrived


def some(number: int, seed: int = 3) -> list[tuple[Tensor, Tensor]]:
    generator = torch.Generator().manual_seed(seed)
    return [(torch.randn(4, 6, generator=generator), torch.randn(4, 6, generator=generator)) for _ in range(number)]


def test_the_change_is_encoded_and_added_to_what_the_client_was_sent() -> None:
    world, client = a_world({"model up": Int8(of="change")})
    ((model, change),) = some(1)
    (arrived,) = run(world, client, turns(client, [(1000 + model, change)]))
    step = float(change.abs().max()) / 127
    assert float((arrived - (1000 + model + change)).abs().max()) <= step / 2 + 2e-4, "of the values it would be 4"
    assert [row.bytes for row in world.ledger.transfers] == [96, 28]
    assert "model" not in client.store(Notes).received


def test_the_start_of_a_change_is_what_arrived_not_what_was_sent() -> None:
    world, client = a_world({"model down": Int8(), "model up": TopK(fraction=1.0, of="change")})
    ((model, change),) = some(1)
    (arrived,) = run(world, client, turns(client, [(model, change)]))
    torch.testing.assert_close(arrived, Int8().decode(Int8().encode(model), (4, 6)) + change)


@pytest.mark.parametrize("dtype", ["fp32", "fp16"])
def test_nothing_that_is_left_out_is_lost(dtype: str) -> None:
    """Over all turns: what the server added + what is still left out = what the client changed."""
    world, client = a_world({"model up": TopK(fraction=0.2, of="change")}, dtype)
    models = some(6)
    arrived = run(world, client, turns(client, models))
    received_models = [Wire(dtype).carry(model)[0] for model, _ in models]
    added = [there - model for there, model in zip(arrived, received_models, strict=True)]
    assert all(int((change.abs() > 1e-6).sum()) == 4 for change in added), "the 4 largest of 24"
    (rest,) = client.store(Notes).left_out["model"]
    wanted = sum(change for _, change in models)
    assert isinstance(wanted, Tensor)
    torch.testing.assert_close(sum(added) + rest, wanted, rtol=1e-4, atol=1e-5)
    assert float(rest.abs().max()) > 0.1


def test_what_is_left_out_is_what_was_not_among_the_largest() -> None:
    world, client = a_world({"model up": TopK(fraction=0.5, of="change")})
    change = torch.tensor([[4.0, -1.0, 3.0, 2.0]])
    run(world, client, turns(client, [(torch.zeros(1, 4), change)]))
    assert client.store(Notes).left_out["model"][0].tolist() == [[0.0, -1.0, 0.0, 2.0]]
    assert client.site.stores.weigh() == 16


def test_a_client_keeps_its_own_and_of_values_nothing_is_kept() -> None:
    world, client = a_world({"model up": TopK(fraction=0.5), "smashed data": TopK(fraction=0.5)})
    run(world, client, turns(client, some(2)))
    run(world, client, client.upload(VALUES, "smashed data"))
    run(world, client, client.upload(VALUES[:1], "smashed data"))
    assert client.store(Notes).left_out == {}
    world, client = a_world({"model up": TopK(fraction=0.5, of="change")})
    second = another(world)
    for number, each in enumerate((client, second)):
        run(world, each, turns(each, some(1, seed=number)))
    assert not torch.equal(client.store(Notes).left_out["model"][0], second.store(Notes).left_out["model"][0])


def test_what_did_not_arrive_was_not_sent() -> None:
    """An upload that is stopped on its way leaves what was left out as it was."""
    world, client = a_world({"model up": TopK(fraction=0.2, of="change")})
    first, second = some(2)

    def driver() -> Steps:
        yield from world.start(turns(client, [first]), client)
        before = client.store(Notes).left_out["model"]
        job = world.start(turns(client, [second]), client)
        yield from pause(world, 96 + 121.6 + 10)  # the download, the encoding, and some of the 32 bytes
        job.stop()
        return before

    before = world.run(driver())
    assert [row.lost for row in world.ledger.transfers] == [0, 0, 0, 10]
    assert client.store(Notes).left_out["model"] is before


def test_a_change_of_what_was_not_received_in_this_turn_is_refused() -> None:
    world, client = a_world({"model up": Int8(of="change")})
    said = 'phone-0> sends the change of "model" that it did not receive in this round'
    with pytest.raises(RuntimeError, match=said):
        run(world, client, client.upload({"w": VALUES}, "model"))
    run(world, client, client.download({"w": VALUES}, "model"))
    client.round_index = 2
    with pytest.raises(RuntimeError, match=said):
        run(world, client, client.upload({"w": VALUES}, "model"))


def test_other_shapes_than_those_of_what_was_left_out_are_refused() -> None:
    world, client = a_world({"model up": TopK(of="change")})
    run(world, client, turns(client, some(1)))
    with pytest.raises(RuntimeError, match='left out of "model", and now sends tensors of other shapes'):
        run(world, client, turns(client, [(VALUES[:2], VALUES[:2])]))


def test_a_change_costs_its_subtraction_its_rest_and_its_sum() -> None:
    """Of 96 bytes: 2 of 24 entries are sent, 16 bytes."""
    world, client = a_world({"model up": TopK(fraction=0.1, of="change")})
    run(world, client, turns(client, some(2)))
    encode, change, decode, rest, add = 3 * 96 + 16, 3 * 96, 16 + 96, 3 * 96, 2 * 96
    assert [row.bytes_touched for row in world.ledger.works] == [
        encode + change + decode + rest,
        decode + 3 * 96,
        encode + change + decode + rest + add,
        decode + 3 * 96,
    ]
