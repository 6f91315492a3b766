"""Examples of keys: as the shipped scenarios and the pages of the manual write them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
SHORT = 100
"""How long an example may be, in characters."""


EXAMPLES = {
    ("world", "catalogue"): "my-devices.yaml",
    ("server", "power"): "{idle: 60 W, compute: 400 W}",
    ("edges", "power"): "{idle: 10 W, compute: 40 W}",
    ("edges", "batching"): "{most: 8, wait: 5 ms}",
    ("model", "weights"): "runs/tiny-imagenet-32/model.safetensors",
    ("model", "keywords"): "{depth: 6}",
    ("training", "prompts"): "{length: 4, place: after_class}",
    ("training", "augment"): "{crop: 4, flip: true}",
    ("cifar100", "root"): "~/data",
    ("flowers102", "root"): "~/data",
    ("svhn", "root"): "~/data",
    ("folder", "path"): "photos",
    ("text_csv", "columns"): "[label, title, text]",
    ("text_csv", "delimiter"): '";"',
    ("text_csv", "text"): "[title, text]",
    ("text_csv", "choices"): "[ending0, ending1, ending2, ending3]",
    ("text_parquet", "text"): "[sentence1, sentence2]",
    ("text_parquet", "choices"): "endings",
    ("parquet", "image"): "img",
    ("parquet", "label"): "label",
    ("synthetic", "shape"): "[3, 224, 224]",
    ("population", "table"): "fleet.csv",
    ("column", "column"): "kbps",
    ("column", "unit"): "kbit/s",
    ("fedscale", "file"): "availability.json",
    ("trace", "file"): "trace.csv",
    ("checkpoint", "minutes"): "5",
    ("sweep", "sample"): "{points: 100, seed: 0}",
    ("search", "pruning"): "{name: median, after: 2, first: 5}",
}
"""How keys are written that neither a scenario nor a page shows."""


def example_of(path: str, key: str, value: dict[str, Any]) -> str:
    """Return how a key is written: as a scenario or a page has it, else its default or what its type allows.

    Args:
        path: where the mapping stands, such as ``world.server``, or the name of a plug-in.
        key: the key in it.
        value: the schema of the key.
    """
    place = path.rpartition(".")[2].removesuffix("[]")
    for where in (place, {"downlink": "uplink"}.get(place, place)):
        if (where, key) in _written():
            return _written()[where, key]
    if (place, key) in EXAMPLES:
        return EXAMPLES[place, key]
    return _made_up(value)


def _made_up(value: dict[str, Any]) -> str:
    """Return a value that the schema allows."""
    for part in (value, *value.get("anyOf", ())):
        if part.get("examples"):
            return str(part["examples"][0])
        if part.get("enum"):
            return str(part["enum"][-1])
        if part.get("type") in ("integer", "number"):
            default = value.get("default")
            least = part.get("minimum", part.get("exclusiveMinimum", 0) + 1)
            return f"{default or min(max(least, 10), part.get('maximum', least)):g}"
        if part.get("type") == "boolean":
            return "true"
        if "oneOf" in part:
            return f"{{name: {part['oneOf'][0]['properties']['name']['const']}}}"
        if part.get("type") == "array" and part.get("items"):
            return f"[{_made_up(part['items'])}]"
        if isinstance(part.get("additionalProperties"), dict):
            names = part.get("propertyNames", {}).get("enum", ["raspberry-pi-4"])
            return f"{{{names[0]}: {_made_up(part['additionalProperties'])}}}"
    return ""


@cache
def _written() -> dict[tuple[str, str], str]:
    """Return the first short text by which each key is written, by the place or plug-in that it belongs to."""
    sources = [(path.read_text(encoding="utf-8"), "") for path in sorted((ROOT / "scenarios").glob("*.yaml"))]
    for folder, place in (("sweeps", "sweep"), ("pretrain", "pretrain")):
        sources += [(path.read_text("utf-8"), place) for path in sorted((ROOT / "scenarios" / folder).glob("*.yaml"))]
    for page in sorted((ROOT / "docs").rglob("*.md")):
        blocks = re.findall(r"^```yaml\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        sources += [(block, "") for block in blocks]
    found: dict[tuple[str, str], str] = {}
    for text, place in sources:
        for parent, key, value in _pairs(yaml.safe_load(text), place):
            written = _as_written(value)
            if len(written) <= SHORT and value not in ([], {}, None):
                found.setdefault((parent, key), written)
    return found


def _pairs(data: Any, place: str) -> Iterator[tuple[str, str, Any]]:
    """Yield each key of a file with the place that it is in: by its parent's key, and by the plug-in's name."""
    if isinstance(data, list):
        for item in data:
            yield from _pairs(item, place)
    if isinstance(data, dict):
        for key, value in data.items():
            yield place, str(key), value
            if isinstance(data.get("name"), str):
                yield data["name"], str(key), value
            yield from _pairs(value, str(key))


def _as_written(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False).strip()
    return text.removesuffix("...").strip()
