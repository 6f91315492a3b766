"""A first scenario, written with comments from a few choices: what `sfsim init` leaves for a user to change."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import Any

import yaml

from simulator.scenario import hardware as catalogue
from simulator.scenario.draft_data import Data
from simulator.scenario.schema import summary
from simulator.settings import yamlfile
from simulator.settings.plugins import ALGORITHMS
from simulator.settings.wording import listed, near_miss

DEVICES, LINK, MODEL, ALGORITHM_NAMES, TARGET = (
    "raspberry-pi-4:6,phone:4",
    "home-wifi",
    "bundled",
    "fedavg,splitfed,sfprompt",
    "0.8",
)
"""What is taken for each choice that a user leaves open."""
TEXT_ALGORITHM_NAMES = "fedlora,splitlora,splitfrozen"
"""What is compared with a language model: most are too large to be trained whole on a device."""
OWN_MODELS = ("bundled", "random")
LABELS = {
    **{"fedavg": "FL", "splitfed": "SFL", "sfprompt": "SFPrompt"},
    **{"fedlora": "FedLoRA", "splitlora": "SplitLoRA", "splitfrozen": "SplitFrozen"},
}
"""Labels that reports are easier to read with than with names."""
PER_DEVICE = 40
"""With fewer training samples than this for each device, data are partitioned evenly."""
IMAGE_BATCH, TEXT_BATCH = 32, 8
IMAGE_RATE, ADAPTER_RATE, TEXT_RATE = "5.0e-4", "1.0e-3", "5.0e-5"
"""Learning rates of ViTs, of adapters in language models, and of all weights of these."""
MOST_TESTED = 500
"""No more test samples than this are evaluated, so that evaluation does not take longer than training."""


@dataclass(frozen=True)
class Draft:
    """The choices of which a scenario is made.

    Attributes:
        name: the name of the scenario.
        data: the data set.
        devices: how many devices there are of each name.
        link: the link of all devices.
        model: the model's name.
        size: the height and width of images in pixels, or the length of texts in tokens.
        algorithms: the names of the algorithms.
        target: the target accuracy, a fraction; None: there is none.
        catalogue: a file with devices and links of the user's own, relative to the scenario's folder.
    """

    name: str
    data: Data
    devices: dict[str, int]
    link: str
    model: str
    size: int
    algorithms: Sequence[str]
    target: float | None
    catalogue: str | None = None

    def text(self) -> str:
        """Return the scenario as YAML with comments."""
        clients = sum(self.devices.values())
        uneven = self.data.train >= PER_DEVICE * clients
        partition = {"name": "dirichlet", "alpha": 1.0, "min_samples": 8} if uneven else {"name": "iid"}
        data = {**self.data.entry, "partition": partition}
        images = self.data.kind == "images"
        model: dict[str, Any] = {"name": self.model, "image_size" if images else "length": self.size}
        evaluation = {"samples": MOST_TESTED if self.data.test > MOST_TESTED else None}
        return TEXT.format(
            name=_flow(self.name),
            target="null" if self.target is None else self.target,
            catalogue=f"\n  catalogue: {_flow(self.catalogue)}" if self.catalogue else "",
            devices="\n".join(f"    - {_flow(self._group(name, count))}" for name, count in self.devices.items()),
            model=_flow(model),
            models=IMAGE_MODELS if images else TEXT_MODELS,
            words=self.data.words,
            data=_flow(data),
            partition=UNEVEN if uneven else EVEN,
            batch=IMAGE_BATCH if images else TEXT_BATCH,
            rate=IMAGE_RATE if images else self._text_rate(),
            cohort=min(clients, max(2, round(clients / 3))),
            evaluation=_flow(evaluation),
            algorithms="\n".join(map(_algorithm, self.algorithms)),
        )

    def _text_rate(self) -> str:
        adapters = set(self.algorithms) <= set(TEXT_ALGORITHM_NAMES.split(","))
        return ADAPTER_RATE if adapters else TEXT_RATE

    def _group(self, name: str, count: int) -> dict[str, Any]:
        return {"name": name, "count": count, "uplink": self.link, "downlink": self.link}


TEXT = """\
# What to compare, on which devices and data. `sfsim run FILE --dry` simulates it without training, `sfsim run FILE` for
# real. Every figure can be changed; `sfsim schema` describes all keys to an editor, `sfsim list WHAT` all names.
name: {name}
seeds: [0]  # each algorithm runs once for each seed; several, such as [0, 1, 2], show how much results vary
target_accuracy: {target}  # the time to reach it is reported

world:{catalogue}
  devices:  # groups of identical devices: sfsim list devices, sfsim list links
{devices}
  server: {{name: rtx-4090}}

model: {model}  # {models}

# {words}
# {partition}
data: {data}

training:
  rounds: 20
  clients_per_round: {cohort}  # how many devices take part in a round
  batch_size: {batch}
  local_epochs: 1
  optimizer: {{name: adamw, learning_rate: {rate}, weight_decay: 0}}  # worth a search for each algorithm: sfsim sweep

evaluation: {evaluation}  # how many test samples are evaluated; null: all

algorithms:  # an entry may override keys of training: {{name: fedavg, label: FL+Linear, training: {{train: linear}}}}
{algorithms}
"""
IMAGE_MODELS = "sfsim list models; bundled is a small ViT, pre-trained on Tiny-ImageNet"
TEXT_MODELS = "or gpt2, roberta-base, llama-3.2-1b, ...; pretrained: false draws its weights"
UNEVEN = "They are partitioned unevenly: the smaller alpha, the fewer classes a device has. {name: iid} is even."
EVEN = "They are partitioned evenly, as there are few samples for each device; {name: dirichlet, alpha: 1.0} is uneven."


def _flow(value: Any) -> str:
    text: str = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
    text = text.removesuffix("\n").removesuffix("\n...")
    same = yamlfile.parse(text)[0] == value
    return text if same else json.dumps(value, ensure_ascii=False)  # PyYAML leaves 1e3 without the quotes that we need


def _algorithm(name: str) -> str:
    """Return the entry of an algorithm, with what it is as a comment above it."""
    kind = ALGORITHMS.find(name)
    entry: dict[str, Any] = {"name": name, "label": LABELS.get(name, name)}
    entry |= {key: 1 for key in ("head", "tail") if key in kind.model_fields and kind.model_fields[key].default == 1}
    sentence = " ".join(summary(kind).split()).partition(". ")[0].rstrip(".")
    comment = fill(f"{sentence}.", 118, initial_indent="  # ", subsequent_indent="  #   ")
    return f"{comment}\n  - {_flow(entry)}"


def devices_in(text: str) -> dict[str, int]:
    """Return the counts of devices by name, as in ``raspberry-pi-4:6,phone:4``; a name alone is one device.

    Raises:
        ValueError: a name is not in the catalogue, or a count is no number of devices.
    """
    devices: dict[str, int] = {}
    for item in _items(text):
        name, colon, count = item.partition(":")
        name = _known(name.strip(), catalogue.entries()["devices"], "device", "sfsim list devices")
        if colon and not (count.strip().isdecimal() and int(count)):
            raise ValueError(f'"{item}": after the colon stands how many there are, such as {name}:6')
        devices[name] = devices.get(name, 0) + (int(count) if colon else 1)
    if not devices:
        raise ValueError(f"name at least one device, such as {DEVICES}")
    return devices


def link_in(text: str) -> str:
    """Return the name of a link of the catalogue; raise ``ValueError`` if there is no such link."""
    return _known(text.strip(), catalogue.entries()["links"], "link", "sfsim list links")


def algorithms_in(text: str) -> list[str]:
    """Return the names of algorithms, each once; raise ``ValueError`` if there is no such algorithm."""
    names = [_known(name, ALGORITHMS.names(), "algorithm", "sfsim list algorithms") for name in _items(text)]
    if not names:
        raise ValueError(f"name at least one algorithm, such as {ALGORITHM_NAMES}")
    return list(dict.fromkeys(names))


def target_in(text: str) -> float | None:
    """Return a target accuracy, from 0 to 1; None for ``none``.

    Raises:
        ValueError: it is no such number.
    """
    if text.strip().lower() in ("none", "null", ""):
        return None
    try:
        target = float(text)
    except ValueError:
        target = -1
    if not 0 <= target <= 1:
        raise ValueError(f'"{text}" is not an accuracy: a fraction from 0 to 1 is wanted, such as 0.8, or none')
    return target


def _items(text: str) -> list[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _known(name: str, known: Iterable[str], kind: str, where: str) -> str:
    """Return a name that is known.

    Args:
        name: the name.
        known: all names.
        kind: what they are names of.
        where: the command that lists them.

    Raises:
        ValueError: the name is not known; the message has all that are, and the most similar one.
    """
    known = list(known)
    if name not in known:
        raise ValueError(f'there is no {kind} "{name}"{near_miss(name, known)} (there are {listed(known)}; {where})')
    return name
