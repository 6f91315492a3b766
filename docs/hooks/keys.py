"""The reference of keys: those of a scenario, a sweep, a search and a pre-training recipe, from what reads them."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from pydantic import BaseModel
from tables import code, sentence, table
from written import example_of

from simulator.experiments.search.settings import Search
from simulator.experiments.sweep.settings import Sweep
from simulator.pretraining.settings import Pretraining
from simulator.scenario.schema import _Described, scenario_schema
from simulator.settings import units

Schema = dict[str, Any]
PLUGIN = "name"
SECTIONS = {
    "world": "WorldSettings",
    "world.devices[]": "DeviceSettings",
    "world.devices[].power": "PowerSettings",
    "world.devices[].uplink": "LinkSettings",
    "world.devices[].population": "PopulationSettings",
    "world.devices[].battery": "BatterySettings",
    "world.devices[].battery.charging": "ChargingSettings",
    "world.server": "ServerSettings",
    "world.server.batching": "BatchingSettings",
    "world.server.outages": "OutageSettings",
    "world.edges[]": "EdgeSettings",
    "world.edges[].access": "AccessSettings",
    "model": "ModelSettings",
    "training": "ScheduledTraining",
    "training.prompts": "Prompts",
    "training.lora": "Lora",
    "training.augment": "Augmentation",
    "training.budget": "Budget",
    "evaluation": "EvaluationSettings",
    "checkpoint": "CheckpointSettings",
    "prices": "PriceSettings",
    "carbon": "CarbonSettings",
}
"""Where each model of the schema stands in a scenario; `downlink`, `server.power` and the like are the same."""


@cache
def schema() -> Schema:
    """Return the schema of a scenario."""
    return scenario_schema()


def scenario_page() -> str:
    """Return the page of all keys of a scenario but those of plug-ins, which have a page of their own."""
    parts = schema()["$defs"]
    lines = [
        "# Keys of a scenario",
        "Every key that a scenario file can have, generated from the models that read it. `sfsim schema` prints the"
        " same as a JSON Schema, with which editors complete and check. A key without a default is required, except"
        " that"
        " the catalogue fills in what a device, a server or a link of it leaves out. Quantities are written with their"
        " [unit](#units). Where a key takes a *choice by name*, [Choices by name](choices.md) has the keys of each;"
        " for algorithms, see [Systems](../systems/index.md).",
        "Keys of power, links and batteries are listed once; `world.server.power`, `downlink` and the like have the"
        " same.",
        "## Top level",
        keys_of(schema(), ""),
    ]
    for path, name in SECTIONS.items():
        lines += [f"## {path}", sentence(parts[name].get("description", "")), keys_of(parts[name], path)]
    entry = parts["Entry"]
    shared = {key: entry["oneOf"][0]["properties"][key] for key in ("name", "label", "training")}
    shared["name"] = {"type": "string", "description": "Which algorithm it is."}
    data = parts["DataSettings"]["oneOf"][0]["properties"]
    lines += ["## data", "A data set by name, with its own keys, and how it is partitioned."]
    lines += [keys_of({"properties": {"partition": data["partition"]}}, "data")]
    lines += ["## algorithms[]", "An algorithm by name, with its own keys, and what it overrides of `training`."]
    lines += [keys_of({"properties": shared, "required": ["name"]}, "algorithms[]")]
    return "\n\n".join([*lines, "## Units", _units()])


def files_page() -> str:
    """Return the page of the keys of the other files that commands read."""
    sweep = Sweep.model_json_schema(schema_generator=_Described)
    search = Search.model_json_schema(schema_generator=_Described)
    recipe = Pretraining.model_json_schema(schema_generator=_Described)
    lines = ["# Other files", "Files beside scenarios that commands read."]
    lines += ["## A sweep (`sfsim sweep`)", keys_of(sweep, "sweep"), "## A search (`sfsim search`)"]
    lines += [keys_of(search, "search"), "## A pre-training recipe (`sfsim pretrain`)", keys_of(recipe, "pretrain")]
    for name, part in {**sweep.get("$defs", {}), **search.get("$defs", {}), **recipe.get("$defs", {})}.items():
        if name in ("Sample", "TokenDropping", "Objective", "Bound", "Tpe", "Nsga2", "Random", "Median"):
            lines += [f"### {name}", sentence(part.get("description", "")), keys_of(part, name)]
    return elsewhere("\n\n".join(lines))


def elsewhere(text: str) -> str:
    """Return tables whose links to sections of the page of scenarios lead there from another page of the reference."""
    return text.replace("](#", "](scenario.md#")


def keys_of(part: Schema, path: str) -> str:
    """Return the table of the keys of one mapping.

    Args:
        part: its schema.
        path: where it stands, such as ``world.server``, or the name of a plug-in; examples are looked up by it.
    """
    required = part.get("required", [])
    rows = []
    for key, value in part["properties"].items():
        if key == PLUGIN and "const" in value:
            continue
        default = json_text(value["default"]) if "default" in value else ("required" if key in required else "")
        example = example_of(path, key, value)
        shown = default if default == "required" else code(default)
        rows.append((code(key), kind(value), shown, code(example), sentence(value.get("description", ""))))
    if not rows:
        return "It has no keys of its own.\n"
    return table(("key", "type and unit", "default", "example", "meaning"), rows)


def kind(value: Schema) -> str:
    """Return in words what a value may be."""
    if "const" in value:
        return code(value["const"])
    if "$ref" in value:
        return f"mapping: {_link(value['$ref'].rpartition('/')[2])}"
    if "oneOf" in value:
        return "a choice by name" if all("name" in part.get("properties", {}) for part in value["oneOf"]) else "mapping"
    if "anyOf" in value:
        if {"type": "string"} in value["anyOf"] and any("enum" in part for part in value["anyOf"]):
            return "a name of the catalogue"
        return " or ".join(dict.fromkeys(kind(part) for part in value["anyOf"]))
    if "enum" in value:
        return ", ".join(code(choice) for choice in value["enum"])
    if "pattern" in value:
        return f"[{_quantity(value)}](#units)" if _quantity(value) else "text"
    kinds = {"string": "text", "boolean": "`true` or `false`", "null": "`null`", "object": "mapping"}
    if value.get("type") in ("integer", "number"):
        return _number(value)
    if value.get("type") == "array":
        return f"list of: {kind(value['items'])}" if value.get("items") else "list"
    if value.get("type") == "object" and isinstance(value.get("additionalProperties"), dict):
        return f"mapping to: {kind(value['additionalProperties'])}"
    return kinds.get(str(value.get("type")), "any value")


def json_text(value: Any) -> str:
    """Return a value as it is written in YAML, on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {json_text(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(json_text, value)) + "]"
    return value if isinstance(value, str) and value else json.dumps(value)


def model_table(model: type[BaseModel], path: str) -> str:
    """Return the table of the keys of a settings class."""
    return keys_of(model.model_json_schema(schema_generator=_Described), path)


def _number(value: Schema) -> str:
    whole = "whole number" if value["type"] == "integer" else "number"
    words = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most", "exclusiveMaximum": "below"}
    bounds = [f"{word} {value[bound]:g}" for bound, word in words.items() if bound in value]
    return f"{whole}, {' and '.join(bounds)}" if bounds else whole


def _link(name: str) -> str:
    places = [path for path, part in SECTIONS.items() if part == name]
    names = {"DataSettings": "data", "Entry": "algorithms[]", "TrainingOverrides": "training"}
    place = places[0] if places else names.get(name)
    return f"[{place}](#{re.sub(r'[^a-z_]', '', place)})" if place else name


def _quantities() -> dict[str, units.Quantity]:
    return {q.json_schema()["pattern"]: q for q in vars(units).values() if isinstance(q, units.Quantity)}


def _quantity(value: Schema) -> str:
    found = _quantities().get(value["pattern"])
    return found.name.split(maxsplit=1)[1] if found else ""


def _units() -> str:
    rows = [
        (q.name.split(maxsplit=1)[1], ", ".join(map(code, q.units)), code(q.written[-1]), code(q.example))
        for q in _quantities().values()
    ]
    return table(("quantity", "units", "in tables", "example"), rows)
