"""Payloads that are compressed on their way: who pays for it, what arrives, and what is kept from one to the next."""

from __future__ import annotations

from collections import Counter

import pytest
import torch

from simulator.accounting.payload import Frozen, directions
from simulator.accounting.usage import uses
from simulator.learning.compression.base import Compressor
from simulator.learning.compression.cos_sgd import CosSgd
from simulator.learning.compression.fp16 import Fp16
from simulator.learning.compression.int8 import Int8
from simulator.learning.compression.product_quantisation import ProductQuantisation
from simulator.learning.compression.top_k import TopK
from simulator.learning.data.lazy import LazyBatch
from simulator.transport.channels import Notes, channels
from simulator.transport.wire import Wire
from simulator.world.clients import Client, download_all
from simulator.world.network import Link
from simulator.world.world import World
from tests.helpers.channels import KINDS, VALUES, WATTS, Table, a_world, another, run
from tests.helpers.worlds import Steps, after


def works(world: World) -> list[tuple[str, str, float, int]]:
    return [(row.site, row.work, round(row.seconds, 6), row.bytes_touched) for row in world.ledger.works]


# Who pays.


def test_an_upload_is_encoded_on_the_device_and_decoded_at_the_server() -> None:
    """96 bytes of values become 24 codes and a step: twice read and once written, then read and written."""
    world, client = a_world({"smashed data": Int8()})

    def steps() -> Steps:
        with world.phase("split training"):
            return (yield from client.upload(VALUES, "smashed data"))

    arrived = run(world, client, steps())
    assert works(world) == [
        ("phone-0", "encode", (2 * 96 + 28) / 10, 2 * 96 + 28),
        ("server", "decode", (28 + 96) / 100, 28 + 96),
    ]
    (sent,) = world.ledger.transfers
    assert (sent.kind, sent.bytes, sent.seconds, sent.start) == ("smashed data", 28, 28.0, 22.0)
    rows = [*world.ledger.works, sent]
    assert {(row.client, row.phase, row.round) for row in rows} == {("phone-0", "split training", 0)}
    assert torch.equal(arrived, Int8().decode(Int8().encode(VALUES), (4, 6)))
    assert world.now == pytest.approx(22 + 28 + 1.24)


def test_a_download_is_encoded_at_the_server_and_decoded_on_the_device() -> None:
    world, client = a_world({"features down": Fp16()})
    arrived = run(world, client, client.download({"a": VALUES}, "features"))
    assert works(world) == [("server", "encode", 1.44, 144), ("phone-0", "decode", 14.4, 144)]
    assert [row.bytes for row in world.ledger.transfers] == [48]
    assert torch.equal(arrived["a"], VALUES.half().float())


def test_a_device_draws_for_coding_what_it_draws_for_computing() -> None:
    world, client = a_world({"smashed data": Int8()})
    run(world, client, client.upload(VALUES, "smashed data"))
    watts = {site.name: WATTS for site in world.sites}
    found = uses(world.ledger, watts, ["phone-0"], 0.0, world.now)
    drawn = Counter[str]()
    for use in found:
        if use.side == "client" and use.energy_j:
            drawn[use.activity] += use.energy_j  # type: ignore[assignment]
    assert drawn.pop("idle") == pytest.approx(WATTS.idle * (22 + 28)), "it is in no round, but active"
    assert drawn == {"compute": pytest.approx(5 * 22), "upload": pytest.approx(2 * 28)}


def test_what_is_not_named_is_only_sent() -> None:
    bare, others = (a_world(compression) for compression in ({}, {"features": Int8(), "model up": Fp16()}))
    for world, client in (bare, others):

        def steps(client: Client = client) -> Steps:
            yield from client.download(VALUES, "model")
            yield from client.upload(VALUES, "smashed data")

        run(world, client, steps())
        assert not works(world)
    assert bare[0].ledger == others[0].ledger


def test_a_key_with_a_direction_counts_before_one_without() -> None:
    for compression in (
        {"model": Int8(), "model up": None, "smashed data": Fp16()},
        {"smashed data": Fp16(), "model up": None, "model": Int8()},
    ):
        found = channels(compression, KINDS, Wire())
        assert set(found) == {("model", "down"), ("smashed data", "up"), ("smashed data and labels", "up")}


def test_a_kind_is_all_words_but_a_direction() -> None:
    assert directions("smashed data") == ("smashed data", ("up", "down"))
    assert directions("smashed data up") == ("smashed data", ("up",))
    assert directions("down") == ("down", ("up", "down"))


# What is compressed.


def test_labels_and_numbers_go_as_they_are() -> None:
    world, client = a_world({"smashed data and labels": Int8()})
    labels = torch.tensor([3, 2**40, 1, 0])
    arrived = run(world, client, client.upload((VALUES, [labels, 7]), "smashed data and labels"))
    assert torch.equal(arrived[1][0], labels)
    assert arrived[1][1] == 7
    assert [row.bytes for row in world.ledger.transfers] == [28 + 4 * 8 + 8]
    assert [row.bytes_touched for row in world.ledger.works] == [2 * 96 + 28, 28 + 96]


def test_rows_not_yet_looked_up_are_coded_as_their_tensor_would_be() -> None:
    index = torch.tensor([2, 0])
    found = []
    for payload in (LazyBatch(Table(VALUES), index), VALUES[index]):
        world, client = a_world({"smashed data": Int8()})
        found.append((run(world, client, client.upload(payload, "smashed data")), world.ledger))
    assert torch.equal(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]


@pytest.mark.parametrize(
    ("compressor", "dtype", "nbytes"),
    [
        (Fp16(), "fp32", 48),
        (Fp16(), "fp16", 48),
        (Fp16(), "bf16", 48),
        (Int8(), "fp16", 24 + 4),  # a step is sent as its bytes
        (TopK(fraction=0.5), "bf16", 12 * (2 + 4)),
        (CosSgd(), "fp16", 24 + 4 + 4),
    ],
    ids=repr,
)
def test_a_narrow_wire_narrows_what_is_encoded_and_never_widens_it(
    compressor: Compressor, dtype: str, nbytes: int
) -> None:
    for payload in (VALUES, torch.empty(4, 6, device="meta")):
        world, client = a_world({"model up": compressor}, dtype)
        arrived = run(world, client, client.upload(payload, "model"))
        assert [row.bytes for row in world.ledger.transfers] == [nbytes]
        assert (arrived.dtype, arrived.is_meta) == (torch.float32, payload.is_meta)


@pytest.mark.parametrize("compressor", [Int8(), CosSgd(bits=12)], ids=repr)
def test_a_narrow_wire_does_not_round_a_tiny_step_to_nothing(compressor: Compressor) -> None:
    """Gradients of 1e-6 have steps of 1e-8, which fp16 does not know."""
    arrived = {}
    for dtype in ("fp32", "fp16"):
        world, client = a_world({"model up": compressor}, dtype)
        arrived[dtype] = run(world, client, client.upload(1e-6 * VALUES, "model"))
    assert torch.equal(arrived["fp16"], arrived["fp32"])


def test_frozen_weights_are_paid_for_each_time_and_shared_by_all_who_receive_them() -> None:
    world, client = a_world({"frozen weights": Int8()})
    second, weights = another(world), Frozen(a=VALUES, n=torch.tensor([2**40]))
    for _ in range(2):
        one, two = (run(world, each, each.download(weights, "frozen weights")) for each in (client, second))
        assert one["a"] is two["a"]
    assert torch.equal(one["a"], Int8().decode(Int8().encode(VALUES), (4, 6)))
    assert one["n"].tolist() == [2**40]
    assert [row.bytes for row in world.ledger.transfers] == [28 + 8] * 4
    assert [row.work for row in world.ledger.works] == ["encode", "decode"] * 4


# The correction of gradients.

PQ = ProductQuantisation(subvectors=3, clusters=2, correction=0.25)


@pytest.mark.parametrize("kind", ["smashed data", "smashed data and labels"])
@pytest.mark.parametrize("back", [None, Fp16()], ids=["as it is", "fp16"])
def test_the_gradient_that_comes_back_is_corrected_by_the_error(kind: str, back: Compressor | None) -> None:
    world, client = a_world({kind: PQ, "smashed gradient": back})
    grad = VALUES.flip(0)

    def steps() -> Steps:
        labels = torch.arange(4)
        arrived = yield from client.upload((VALUES, labels) if "labels" in kind else VALUES, kind)
        assert client.site.stores.weigh() == 96 + PQ.nbytes((4, 6))
        return (yield from client.download(grad, "smashed gradient")), arrived

    corrected, arrived = run(world, client, steps())
    quantised = arrived[0] if "labels" in kind else arrived
    came = grad if back is None else grad.half().float()
    assert float((VALUES - quantised).abs().max()) > 0.1
    torch.testing.assert_close(corrected, came + 0.25 * (VALUES - quantised))
    last = list(world.ledger.works)[-1]
    assert (last.site, last.work) == ("phone-0", "correct")
    assert last.bytes_touched == PQ.nbytes((4, 6)) + 96 + 4 * 96
    assert client.store(Notes).uncorrected == {}


def test_the_next_gradient_is_corrected_by_its_own_batch_and_none_by_nothing() -> None:
    world, client = a_world({"smashed data": PQ})

    def steps() -> Steps:
        yield from client.upload(VALUES, "smashed data")  # its gradient never comes
        arrived = yield from client.upload(VALUES[:2], "smashed data")
        one = yield from client.download(VALUES[:2], "smashed gradient")
        two = yield from client.download(VALUES[:2], "smashed gradient")
        return arrived, one, two

    arrived, one, two = run(world, client, steps())
    torch.testing.assert_close(one, VALUES[:2] + 0.25 * (VALUES[:2] - arrived))
    assert torch.equal(two, VALUES[:2])


def test_no_correction_no_work() -> None:
    world, client = a_world({"smashed data": PQ.model_copy(update={"correction": 0.0})})

    def steps() -> Steps:
        yield from client.upload(VALUES, "smashed data")
        return (yield from client.download(VALUES, "smashed gradient"))

    assert torch.equal(run(world, client, steps()), VALUES)
    assert [row.work for row in world.ledger.works] == ["encode", "decode"]


def test_who_leaves_after_a_coded_broadcast_has_reached_it_decodes_nothing() -> None:
    """A fast device has all at once; it is away when the slow one, and with it the broadcast, is done."""
    world, slow = a_world({"model down": Int8()})
    fast = another(world)
    fast.site.downlink = Link("fast down", float("inf"))

    def driver() -> Steps:
        world.start(after(world, 3, fast.site.leave))
        return (yield from download_all([slow, fast], VALUES, "model"))

    assert list(world.run(driver())) == [slow]
