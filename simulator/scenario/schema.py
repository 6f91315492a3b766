"""The JSON Schema of a scenario file, with which editors complete and check what a user writes.

It describes the file, not the settings that are made of it: the keys of a plug-in stand beside ours, a device of the
catalogue needs only its name, and an algorithm's `training` has only what it overrides. It allows a little more than
`sfsim validate`, which also checks what only a later step can know.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from itertools import pairwise
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from simulator.scenario import hardware as catalogue
from simulator.scenario.scenario import Scenario
from simulator.settings.loading import FileSettings

Schema = dict[str, Any]


def scenario_schema() -> Schema:
    """Return the schema, in the 2020-12 dialect."""
    schema = Scenario.model_json_schema(schema_generator=_Described)
    parts: dict[str, Schema] = schema["$defs"]
    data, entry, training = parts["DataSettings"], parts["Entry"], parts["ScheduledTraining"]
    parts["DataSettings"] = _beside(data, "source")
    parts["TrainingOverrides"] = _optional(training, parts) | {
        "description": entry["properties"]["training"]["description"]
    }
    overrides = {"description": "What this entry overrides of the scenario's training."}
    entry["properties"]["training"] = {"$ref": "#/$defs/TrainingOverrides"} | overrides
    parts["Entry"] = _beside(entry, "algorithm")
    known = catalogue.entries()
    for site in (parts["DeviceSettings"], parts["ServerSettings"], parts["EdgeSettings"]):
        site["required"] = ["name"]
        site["properties"]["name"] |= _one_of(known["devices"])
    for part in ("DeviceSettings", "ServerSettings", "EdgeSettings", "AccessSettings"):
        links = parts[part]["properties"]
        for direction in catalogue.DIRECTIONS:
            described_as = {"description": links[direction]["description"]}
            links[direction] = {"anyOf": [_one_of(known["links"]), links[direction]]} | described_as
    parts["PowerSettings"].pop("required")
    link = parts["LinkSettings"]
    named = [*_one_of(known["links"])["anyOf"], {"type": "null"}]
    described_link = "A link of the catalogue to start from; null: the one that the site has if it gives none."
    link["properties"]["link"] = {"anyOf": named, "description": described_link}
    link["anyOf"] = [{"required": ["link"]}, {"required": link.pop("required")}]
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": "A scenario of sfsim"}


def file_schema(kind: type[FileSettings]) -> Schema:
    """Return the schema of another kind of file, such as a sweep."""
    schema = kind.model_json_schema(schema_generator=_Described)
    return {"$schema": GenerateJsonSchema.schema_dialect, **schema, "title": f"A {kind.kind_of_file} of sfsim"}


def described(kind: type[BaseModel]) -> dict[str, str]:
    """Return the descriptions of the fields of a model, from its "Attributes:" section or the texts below fields."""
    descriptions: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            descriptions |= _section(base) | _below(base)
            descriptions |= {name: field.description for name, field in base.model_fields.items() if field.description}
    return {name: _prose(text) for name, text in descriptions.items() if name in kind.model_fields}


def summary(kind: type) -> str:
    """Return the docstring of a class up to its sections; the docstrings of its bases do not count."""
    return _prose(re.split(r"\n\n(?=\w+:\n)", inspect.cleandoc(vars(kind).get("__doc__") or ""))[0])


class _Described(GenerateJsonSchema):
    """The generator, which takes descriptions from docstrings and drops titles that only repeat a key."""

    def model_schema(self, schema: core_schema.ModelSchema) -> JsonSchemaValue:
        made = super().model_schema(schema)
        made["description"] = summary(schema["cls"])
        for name, text in described(schema["cls"]).items():
            made["properties"][name]["description"] = text
        return made

    def function_before_schema(self, schema: core_schema.BeforeValidatorFunctionSchema) -> JsonSchemaValue:
        made = super().function_before_schema(schema)
        if made.get("type") == "array":  # the validator makes a list of a single item
            return {"anyOf": [made["items"], made]}
        return made

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def _beside(outer: Schema, inner: str) -> Schema:
    """Return the schema of a mapping with the keys of a plug-in beside ours, instead of below the key `inner`."""
    ours = {key: value for key, value in outer["properties"].items() if key != inner}
    plugins = outer["properties"][inner]["oneOf"]
    return {
        "description": outer["description"],
        "type": "object",
        "required": ["name"],
        "oneOf": [{**plugin, "properties": {**plugin["properties"], **ours}} for plugin in plugins],
    }


def _optional(schema: Any, parts: dict[str, Schema]) -> Any:
    """Return a schema with nothing required and no defaults, at any depth; references are written out."""
    if isinstance(schema, list):
        return [_optional(item, parts) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        schema = parts[schema["$ref"].rpartition("/")[2]] | {key: schema[key] for key in schema if key != "$ref"}
    optional = {key: value for key, value in schema.items() if key not in ("required", "default")}
    return {"anyOf" if key == "oneOf" else key: _optional(value, parts) for key, value in optional.items()}


def _one_of(known: dict[str, Any]) -> Schema:
    """Return the schema of any text, with these names for an editor to offer."""
    return {"anyOf": [{"enum": list(known)}, {"type": "string"}]}


def _section(kind: type) -> dict[str, str]:
    """Return the "Attributes:" of a docstring; one entry may describe several."""
    match = re.search(r"^Attributes:\n((?:[ ]+.*\n?|\n)+)", inspect.cleandoc(vars(kind).get("__doc__") or ""), re.M)
    if not match:
        return {}
    entries = re.findall(r"^(\w[\w, ]*): ((?:.*\n?)(?:[ ]+.*\n?)*)", textwrap.dedent(match[1]), re.M)
    return {name: text for names, text in entries for name in names.split(", ")}


def _below(kind: type) -> dict[str, str]:
    """Return the texts below the fields of a class, which are read here: whoever only runs scenarios needs none."""
    try:
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    except (OSError, TypeError, SyntaxError, ValueError):  # it was typed in, or its file is gone
        return {}
    texts: dict[str, str] = {}
    for field, text in pairwise(body.body if isinstance(body, ast.ClassDef) else ()):
        match field, text:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                texts[name] = inspect.cleandoc(words)
    return texts


def _prose(text: str) -> str:
    return " ".join(text.replace("``", "`").split())
