"""Bounds of sense: the largest and smallest values that settings take, all in one place.

A value beyond them is a slip of the keyboard, or a world that no computer has room for: it is refused as any other
mistake in a file, in one line. What lies within them may still take days or terabytes: that is estimated before a run.
The bounds of quantities with a unit are in ``LIMITS``, in SI units; a JSON Schema has those of plain numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from simulator.settings.yamlfile import KeyPath

MOST_DEVICES = 10_000_000
"""Of one group, of a cohort, and of the slots of a server."""
MOST_ROUNDS = 10_000_000
MOST_EPOCHS = 1_000_000
MOST_BATCH = 10_000_000
MOST_TOKENS = 1_000_000
MOST_IMAGE = 8192
"""Pixels in a row or column."""
MOST_SAMPLES = 50_000_000
MOST_CLASSES = 1_000_000
MOST_THREADS = 512
MOST_RANK = 65_536
MOST_PROMPTS = 16_384
MOST_BLOCKS = 10_000
MOST_RATE = 1_000_000
"""Of learning; training has long diverged there."""
MOST_LAYERS = 1000
"""Of a model that keywords describe."""
MOST_WIDTH = 10_000_000
"""Of what else keywords say of a model; a vocabulary has some 100,000 words."""
MOST_SEED = 2**63 - 1
"""Tables hold a seed in 64 bits, with a sign."""
MOST = 1_000_000_000
"""Of what has no bound of its own."""
LARGEST, SMALLEST = 1e100, 1e-100
"""The size of a number with a fraction, other than zero, whatever it stands for."""

Count = Annotated[int, Field(gt=0, le=MOST)]
"""A whole number of at least 1, of what has no bound of its own."""
CountOrZero = Annotated[int, Field(ge=0, le=MOST)]
"""The same, or 0."""
Devices = Annotated[int, Field(gt=0, le=MOST_DEVICES)]
"""Devices, clients or slots."""
Rounds = Annotated[int, Field(gt=0, le=MOST_ROUNDS)]
"""Rounds, or aggregations."""
Epochs = Annotated[int, Field(gt=0, le=MOST_EPOCHS)]
"""Epochs, or steps of a local loop."""
EpochsOrZero = Annotated[int, Field(ge=0, le=MOST_EPOCHS)]
"""The same, or 0."""
BatchSize = Annotated[int, Field(gt=0, le=MOST_BATCH)]
"""Samples in a batch."""
ImageSize = Annotated[int, Field(gt=0, le=MOST_IMAGE)]
"""Pixels in a row or column."""
TextLength = Annotated[int, Field(gt=1, le=MOST_TOKENS)]
"""Tokens of a text."""
Crop = Annotated[int, Field(ge=0, le=MOST_IMAGE)]
"""Pixels by which an image is moved."""
SampleCount = Annotated[int, Field(gt=0, le=MOST_SAMPLES)]
"""Samples of a data set."""
ClassCount = Annotated[int, Field(ge=2, le=MOST_CLASSES)]
"""Classes of a data set."""
Threads = Annotated[int, Field(gt=0, le=MOST_THREADS)]
"""Threads of torch: with a million of them it ends in a segmentation fault."""
Rank = Annotated[int, Field(gt=0, le=MOST_RANK)]
"""The rank of an adapter."""
PromptLength = Annotated[int, Field(ge=0, le=MOST_PROMPTS)]
"""Prompts, which are tokens of the model."""
Blocks = Annotated[int, Field(ge=0, le=MOST_BLOCKS)]
"""Blocks of a model; how many it has is checked with the model."""
Seed = Annotated[int, Field(ge=0, le=MOST_SEED)]
"""A seed."""
Factor = Annotated[float, Field(ge=0, le=1e12)]
"""A factor on something, 0 or more."""
PositiveFactor = Annotated[float, Field(ge=1e-18, le=1e12)]
"""A factor on something, or a weight, more than 0."""
LearningRate = Annotated[float, Field(ge=1e-12, le=MOST_RATE)]
"""A learning rate."""
Share = Annotated[float, Field(ge=1e-9, le=1)]
"""A share of something that divides it: more than nothing, at most all."""
Loss = Annotated[float, Field(ge=0, le=0.999)]
"""The share of a payload that is lost: of one in a thousand bytes that arrive, all are sent a thousand times."""

NO_TEXT = "it has half of a character (a surrogate), which no file can hold"


class Limits(NamedTuple):
    """The bounds of a quantity in SI units; zero is allowed or not by itself."""

    least: float
    most: float


LIMITS = {
    "a computing rate": Limits(1.0, 1e24),  # FLOP/s; the largest machines reach 1e18
    "a bandwidth": Limits(1e-3, 1e18),  # bytes/s
    "a memory bandwidth": Limits(1.0, 1e21),  # bytes/s
    "a memory size": Limits(1.0, 1e21),  # bytes
    "a power": Limits(1e-9, 1e12),  # watts
    "an energy": Limits(1e-9, 1e21),  # joules
    "a duration": Limits(1e-12, 1e10),  # seconds: 317 years, beyond which the clock does not tell milliseconds apart
    "an hourly price": Limits(1e-18, 1e12),  # USD/s
    "a traffic price": Limits(1e-24, 1e6),  # USD/byte
    "an energy price": Limits(1e-18, 1e6),  # USD/J
    "a carbon intensity": Limits(1e-18, 1e6),  # kg/J
}
"""By the name of a ``Quantity``."""


def unusable(data: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any, str]]:
    """Yield each number and text in plain data that no setting takes, with its keys and what is wrong, in words.

    This holds for what no field bounds too: the settings of plug-ins, and the keywords of a model.

    >>> list(unusable({"training": {"rounds": 10**400}}))[0][2]
    'a whole number must lie between -9.2e18 and 9.2e18'
    """
    if isinstance(data, dict):
        for key, value in data.items():
            if isinstance(key, str) and not _is_text(key):
                yield (*path, key), None, NO_TEXT
            yield from unusable(value, (*path, key))
    elif isinstance(data, list | tuple):
        for index, value in enumerate(data):
            yield from unusable(value, (*path, index))
    elif isinstance(data, str):
        if not _is_text(data):
            yield path, data, NO_TEXT
    elif isinstance(data, int):
        if not -MOST_SEED <= data <= MOST_SEED:
            yield path, data, "a whole number must lie between -9.2e18 and 9.2e18"
    elif isinstance(data, float) and data and not SMALLEST <= abs(data) <= LARGEST and abs(data) < float("inf"):
        size = f"between {SMALLEST:g} and {LARGEST:g}"
        yield path, data, f"the size of a number must be 0 or {size}"


def _is_text(text: str) -> bool:
    """Return whether a text can be written to a file: the halves of characters (surrogates) cannot."""
    try:
        text.isascii() or text.encode()
    except UnicodeEncodeError:
        return False
    return True


def keyword_problem(key: str, value: Any) -> str:
    """Return why a keyword of a model is refused, in words; an empty text if it is not.

    Sizes beyond these make a model that takes minutes, or all memory, to describe.
    """
    most = MOST_LAYERS if key in ("depth", "depths", "layers") else MOST_WIDTH
    numbers = value if isinstance(value, list | tuple) else [value]
    if any(isinstance(number, int | float) and abs(number) > most for number in numbers):
        return f"it must be at most {most:,}"
    least = 0 if numbers is value else 1  # in a list, the layers of each stage: one of them may have none
    if most == MOST_LAYERS and any(isinstance(number, int) and number < least for number in numbers):
        return f"it must be at least {least}"
    return ""
