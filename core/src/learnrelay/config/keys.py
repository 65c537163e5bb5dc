"""Describes the keys of a section for people (the reference of the file) and for editors (JSON Schema, draft 7).

What a key means stands beside it in its schema (`described`); plugins that say nothing get what its type says.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import orjson
from marshmallow import Schema, fields, missing, validate

from .fields import Duration, Table, Tables

_PLAIN: Mapping[type[fields.Field[Any]], tuple[str, Mapping[str, Any]]] = {
    fields.Boolean: ("true or false", {"type": "boolean"}),
    fields.Integer: ("whole number", {"type": "integer"}),
    fields.Float: ("number", {"type": "number"}),
    fields.List: ("list", {"type": "array"}),
    fields.Mapping: ("table", {"type": "object"}),
    fields.String: ("text", {"type": "string"}),
}
"""Fields of marshmallow's own, in the schemas of plugins → their form and JSON Schema; the first that fits."""
_SPANS = (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1))


@dataclass(frozen=True, slots=True)
class Key:
    """Describes a key of the operator's file.

    path: ``delivery.wait``; names that the operator chooses are in capitals. form: its type, in words. default: as TOML
    in backticks, or in words; empty for a required key. example: a value, as TOML.
    """

    path: str
    form: str
    is_required: bool
    default: str
    unit: str
    meaning: str
    example: str

    def with_names(self, names: Mapping[str, str]) -> Key:
        """Returns the key with names of installed plugins in its texts: the core's schemas name none."""
        default, example = self.default, self.example
        for placeholder, name in names.items():
            default, example = default.replace(placeholder, name), example.replace(placeholder, name)
        return replace(self, default=default, example=example)


def list_keys(section: type[Schema], path: str) -> Iterator[Key]:
    """Yields the keys of a section, then those of the tables in it."""
    nested = []
    for name, field in section().fields.items():
        at = f"{path}.{name}" if path else name
        if (inner := _section_of(field)) is not None:
            nested.append((inner, f"{at}.{entry}" if (entry := getattr(field, "entry", "")) else at))
        if isinstance(field, (Table, Tables)) and "description" not in field.metadata:
            continue  # nothing to say of it but its keys
        yield Key(
            at,
            _form_of(field),
            field.required,
            "" if field.required else field.metadata.get("default") or _default_of(field),
            field.metadata.get("unit", ""),
            field.metadata.get("description", ""),
            field.metadata.get("example", ""),
        )
    for inner, at in nested:
        yield from list_keys(inner, at)


def json_schema_of(section: type[Schema]) -> dict[str, Any]:
    """Returns the JSON Schema of a section, which allows no other keys."""
    named = section().fields
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {name: _json_schema_of_key(field) for name, field in named.items()},
        "additionalProperties": False,
    }
    if required := [name for name, field in named.items() if field.required]:
        schema["required"] = required
    return schema


def _json_schema_of_key(field: fields.Field[Any]) -> dict[str, Any]:
    inner = _section_of(field)
    if inner is None:
        schema = dict(getattr(field, "json_schema", None) or _plain(field)[1])
    elif isinstance(field, Table):
        schema = json_schema_of(inner)
    elif isinstance(field, Tables):
        schema = {"type": "array", "items": json_schema_of(inner)}
    else:
        schema = {"type": "object", "additionalProperties": json_schema_of(inner)}
    if meaning := field.metadata.get("description"):
        schema = {"allOf": [schema]} if "$ref" in schema else schema  # draft 7 reads nothing beside a reference
        schema["description"] = meaning
    return schema


def _section_of(field: fields.Field[Any]) -> type[Schema] | None:
    section: type[Schema] | None = getattr(field, "section", None)
    return section


def _form_of(field: fields.Field[Any]) -> str:
    form: str | None = getattr(field, "form", None)
    return form or _plain(field)[0]


def _plain(field: fields.Field[Any]) -> tuple[str, Mapping[str, Any]]:
    """Describes a field of marshmallow's own, by its choices or its type."""
    for validator in field.validators:
        if isinstance(validator, validate.OneOf):
            choices = list(validator.choices)
            return f"one of {', '.join(orjson.dumps(choice).decode() for choice in choices)}", {"enum": choices}
    return next((described for kind, described in _PLAIN.items() if isinstance(field, kind)), ("value", {}))


def _default_of(field: fields.Field[Any]) -> str:
    """Writes a default as TOML."""
    value = field.load_default() if callable(field.load_default) else field.load_default
    if value is missing or value is None:
        return "none"
    if isinstance(field, Duration):
        unit, seconds = next((unit, seconds) for unit, seconds in (*_SPANS, ("ms", 0.001)) if value % seconds == 0)
        value = f"{value / seconds:g}{unit}"
    elif isinstance(value, tuple) and field.metadata.get("example", "").startswith('"'):  # an address to listen at
        value = ":".join(map(str, value))
    elif isinstance(value, Mapping):
        return "`{}`" if not value else "`{ … }`"
    return f"`{orjson.dumps(value).decode()}`"
