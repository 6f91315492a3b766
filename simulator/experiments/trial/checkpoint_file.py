"""The file of a checkpoint: tensors as safetensors, and one JSON text in the metadata."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from simulator.experiments.trial.checkpoint_tree import UnstorableError
from simulator.settings.files import atomically

FORMAT = 2
"""The number of this format; a file of another one is not read."""
MOST_HEADER = 2**31
"""The largest header that is believed, in bytes."""
DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}
"""The types of tensors that can be stored, with their names in safetensors."""
_TYPES = {name: dtype for dtype, name in DTYPES.items()}


class CheckpointError(Exception):
    """A checkpoint that cannot be used; the message says why, as the end of a sentence about the file."""


class Contents(NamedTuple):
    """What is in the file of a checkpoint.

    Attributes:
        data: the plain data.
        tensors: the tensors, in their order; on the CPU, or on ``meta``.
        elsewhere: for each tensor, whether it was on another torch device than the CPU.
    """

    data: dict[str, Any]
    tensors: list[Tensor]
    elsewhere: list[bool]


def write(path: Path, key: str, data: dict[str, Any], tensors: Sequence[Tensor]) -> int:
    """Write the file of a checkpoint, which appears under its name once it is complete and on the disk.

    Args:
        path: the file, in a folder that exists; a file of that name is replaced.
        key: tells what the checkpoint is of.
        data: the plain data.
        tensors: the tensors.

    Returns:
        The size of the file, in bytes.

    Raises:
        UnstorableError: a tensor has a type that cannot be stored.
        OSError: the file cannot be written.
    """
    header: dict[str, Any] = {}
    listed, parts, place, check = [], [], 0, 0
    for number, tensor in enumerate(tensors):
        if tensor.dtype not in DTYPES or tensor.layout != torch.strided:
            raise UnstorableError(f"a tensor of type {tensor.dtype}, {tensor.layout}")
        dtype, shape = DTYPES[tensor.dtype], list(tensor.shape)
        if tensor.is_meta:
            listed.append(["meta", dtype, shape])
            continue
        listed.append(["here", "cpu" if tensor.device.type == "cpu" else "elsewhere"])
        part = _bytes(tensor)
        header[str(number)] = {"dtype": dtype, "shape": shape, "data_offsets": [place, place + len(part)]}
        place, check = place + len(part), zlib.crc32(part, check)
        parts.append(part)
    text = json.dumps({"tensors": listed, "data": data})
    stamp = {"format": str(FORMAT), "version": version("sfsim"), "key": key, "text": text}
    header["__metadata__"] = stamp
    stamp["crc"] = _checked(header, check)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)

    def put(partial: Path) -> None:
        with partial.open("wb") as file:
            file.write(len(head).to_bytes(8, "little") + head)
            for part in parts:
                file.write(part)
            file.flush()
            os.fsync(file.fileno())

    atomically(path, put)
    return 8 + len(head) + place


def read(path: Path, key: str) -> Contents:
    """Read the file of a checkpoint.

    Args:
        path: the file.
        key: what it must be a checkpoint of.

    Raises:
        CheckpointError: it cannot be read, is not complete, or is of another version or of something else.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"cannot be read: {error.strerror or error}") from None
    try:
        header, start = _header(raw)
        stamp = header["__metadata__"]
        text, crc = stamp["text"], stamp.pop("crc")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise CheckpointError("is not a checkpoint, or is not complete") from None
    if stamp.get("version") != version("sfsim"):
        raise CheckpointError(f"was made by sfsim {stamp.get('version')}, and this is {version('sfsim')}")
    if stamp.get("format") != str(FORMAT):
        raise CheckpointError("was made by another sfsim of this version")
    if stamp.get("key") != key:
        raise CheckpointError("is of another scenario, or of another trial")
    body = memoryview(raw)[start:]
    if crc != _checked(header, zlib.crc32(body)):
        raise CheckpointError("is damaged, or is not complete")
    content = json.loads(text)
    return Contents(content["data"], list(_tensors(content["tensors"], header, body)), _elsewhere(content["tensors"]))


def _header(raw: bytes) -> tuple[dict[str, Any], int]:
    """Return the header of a file of safetensors, and where its data start."""
    size = int.from_bytes(raw[:8], "little")
    if len(raw) < 8 or not 0 < size <= min(MOST_HEADER, len(raw) - 8):
        raise ValueError("the header is longer than the file")
    header: dict[str, Any] = json.loads(raw[8 : 8 + size])
    return header, 8 + size


def _checked(header: dict[str, Any], body: int) -> str:
    """Return the checksum of a file, from its header without it and from the checksum of its data."""
    return str(zlib.crc32(json.dumps(header, sort_keys=True).encode(), body))


def _bytes(tensor: Tensor) -> memoryview:
    """Return the memory of a tensor, without a copy where it is contiguous and on the CPU."""
    return _flat(tensor.detach().contiguous().cpu()).data if tensor.numel() else memoryview(b"")


def _flat(tensor: Tensor) -> np.ndarray:
    """Return the memory of a contiguous tensor that is not empty, as an array of bytes."""
    return tensor.reshape(-1).view(torch.uint8).numpy()


def _elsewhere(listed: list[list[Any]]) -> list[bool]:
    return [entry[0] == "here" and entry[1] == "elsewhere" for entry in listed]


def _tensors(listed: list[list[Any]], header: dict[str, Any], body: memoryview) -> Iterator[Tensor]:
    for number, entry in enumerate(listed):
        if entry[0] == "meta":
            yield torch.empty(entry[2], dtype=_TYPES[entry[1]], device="meta")
            continue
        described = header[str(number)]
        start, stop = described["data_offsets"]
        tensor = torch.empty(described["shape"], dtype=_TYPES[described["dtype"]])
        if stop > start:
            _flat(tensor)[:] = np.frombuffer(body[start:stop], dtype=np.uint8)
        yield tensor
