"""What arrives over a real connection is what was sent, and counts the bytes that a simulated wire counts."""

import socket
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
import torch

from simulator.learning.data.images import Images
from simulator.learning.data.lazy import LazyBatch
from simulator.learning.trees import leaves
from simulator.transport.wire import Wire
from tests.deployment.wires import Arrived, Line

IMAGES = Images(torch.randint(0, 256, (4, 3, 8, 8), dtype=torch.uint8), torch.arange(4), ((0.5,) * 3, (0.5,) * 3))
PAYLOADS = {
    "model": {"weight": torch.randn(40, 30), "bias": torch.randn(30), "scalar": torch.tensor(2.5)},
    "labels": (torch.randn(5, 7, 3), torch.arange(5)),
    "strided": torch.randn(6, 4).T,
    "graph": torch.randn(3, requires_grad=True) * 2,
    "rows": LazyBatch(IMAGES, torch.tensor([2, 0])),
    "large": torch.randn(1_000_000),
    "none": {},
}


@pytest.fixture
def ends() -> Iterator[tuple[Line, Line]]:
    one, other = socket.socketpair()
    with one, other:
        yield Line(one), Line(other)


def received(ends: tuple[Line, Line], *payloads: Any) -> list[Arrived]:
    def send() -> None:
        for number, payload in enumerate(payloads):
            ends[0].send("a kind", number, payload)

    sender = Thread(target=send)
    sender.start()
    came = [ends[1].receive() for _ in payloads]
    sender.join()
    return came


def plain(leaf: Any) -> torch.Tensor:
    return leaf.tensor() if isinstance(leaf, LazyBatch) else leaf.detach()


@pytest.mark.parametrize("name", PAYLOADS)
def test_a_payload_arrives_with_its_values_and_its_bytes(ends: tuple[Line, Line], name: str) -> None:
    payload = PAYLOADS[name]
    (came,) = received(ends, payload)
    assert came.note[:2] == ("a kind", 0)
    sent = [plain(leaf) for leaf in leaves(payload)]
    torch.testing.assert_close(list(leaves(came.payload)), sent, rtol=0, atol=0)
    assert came.bytes == Wire().carry(payload)[1]


def test_a_received_tensor_is_the_receivers_own(ends: tuple[Line, Line]) -> None:
    weight = torch.zeros(3)
    (came,) = received(ends, {"weight": weight})
    came.payload["weight"].add_(1)
    assert weight.tolist() == [0, 0, 0]


def test_a_frame_begins_when_the_one_before_it_has_arrived(ends: tuple[Line, Line]) -> None:
    first, second = received(ends, torch.zeros(3), torch.zeros(3))
    assert first.began <= first.received <= second.began <= second.received


def test_a_lost_connection_is_an_error_and_not_a_wait(ends: tuple[Line, Line]) -> None:
    ends[0].socket.close()
    with pytest.raises(ConnectionError, match="gone"):
        ends[1].receive()
