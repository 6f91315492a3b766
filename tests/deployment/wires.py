"""Payloads as frames on a real connection: a header, and the bytes of the tensors as they lie in memory."""

from __future__ import annotations

import contextlib
import pickle
import socket
import struct
import time
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from simulator.learning.data.lazy import LazyBatch
from simulator.learning.trees import transform

PORT = 4242
PATIENCE = 300.0
"""Seconds without a byte after which the other end counts as lost."""
CONGESTION = b"cubic"
"""How TCP finds its rate, whatever this machine's default is: that of most machines."""
_LENGTHS = struct.Struct("!QQ")  # bytes of the header, number of buffers


class Note(NamedTuple):
    """What a frame says of itself.

    Attributes:
        kind: the kind of payload, such as "smashed data".
        round: the round that it belongs to.
        sent: the sender's monotonic clock when it began to send, in seconds; on one machine all read the same clock.
    """

    kind: str
    round: int
    sent: float


class Arrived(NamedTuple):
    """What was received.

    Attributes:
        note: what the frame says of itself.
        payload: the receiver's own tensors.
        bytes: the bytes of the tensors, without headers: what a simulated wire counts.
        began: the clock when its turn on the line came, in seconds: it was sent, and the one before it had arrived.
        received: the clock when its last byte was there.
    """

    note: Note
    payload: Any
    bytes: int
    began: float
    received: float


def pack(note: Note, payload: Any) -> list[memoryview]:
    """Return a frame as buffers to send one after the other; tensors are not copied."""
    buffers: list[pickle.PickleBuffer] = []
    body = pickle.dumps((*note, transform(_array, payload)), protocol=5, buffer_callback=buffers.append)
    raw = [buffer.raw() for buffer in buffers]
    sizes = struct.pack(f"!{len(raw)}Q", *(len(view) for view in raw))
    return [memoryview(_LENGTHS.pack(len(body), len(raw)) + sizes + body), *raw]


def _array(value: Any) -> Any:
    """Return a tensor as a numpy array, whose bytes pickle hands out as they are; numbers stay."""
    if isinstance(value, LazyBatch):
        value = value.tensor()
    return value.detach().contiguous().numpy() if isinstance(value, Tensor) else value


def _tensor(value: Any) -> Any:
    return torch.from_numpy(value) if hasattr(value, "__array__") else value


@dataclass
class Line:
    """A connection between two sites, on which payloads travel in both directions.

    Attributes:
        socket: the connection.
    """

    socket: socket.socket

    def __post_init__(self) -> None:
        self._last_received = 0.0
        self.socket.settimeout(PATIENCE)
        if self.socket.family == socket.AF_INET:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(OSError):  # a kernel without it keeps its own
                self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, CONGESTION)

    def send(self, kind: str, round: int, payload: Any) -> None:
        """Send a payload, and return once the system has taken all of it."""
        for view in pack(Note(kind, round, time.monotonic()), payload):
            self.socket.sendall(view)

    def receive(self) -> Arrived:
        """Wait for a payload.

        Raises:
            ConnectionError: the other end is gone.
        """
        length, count = _LENGTHS.unpack(self._take(_LENGTHS.size))
        sizes = struct.unpack(f"!{count}Q", self._take(8 * count))
        body = self._take(length)
        buffers = [self._take(size) for size in sizes]
        received = time.monotonic()
        *fields, tree = pickle.loads(body, buffers=buffers)
        note = Note(*fields)
        began, self._last_received = max(note.sent, self._last_received), received
        return Arrived(note, transform(_tensor, tree), sum(sizes), began, received)

    def _take(self, size: int) -> bytearray:
        buffer, have = bytearray(size), 0
        while have < size:
            came = self.socket.recv_into(memoryview(buffer)[have:], size - have, socket.MSG_WAITALL)
            if not came:
                raise ConnectionError("the other end of a connection is gone")
            have += came
        return buffer
