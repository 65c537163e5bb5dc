"""1EdTech's own schemas of Caliper, from the reference pack."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import referencing
from referencing.jsonschema import DRAFT4

_BASE = "https://caliper.example/"  # the schemas' own ids are bare names


def official_schemas(reference: Path) -> Callable[[str, dict[str, Any]], bool]:
    """Returns whether the schema (draft 4) of the type of an event or entity accepts it, in the version 1.2 or 1.1."""

    def registry(version: str) -> referencing.Registry[Any]:
        files = (reference / "specs" / f"caliper_schema_v{version.replace('.', 'p')}").glob("*.json")
        schemas = ((_BASE + file.stem, json.loads(file.read_text("utf-8"))) for file in files)
        return referencing.Registry().with_resources(
            (iri, DRAFT4.create_resource(schema | {"id": iri})) for iri, schema in schemas
        )

    registries = {version: registry(version) for version in ("1.1", "1.2")}

    def is_valid(version: str, thing: dict[str, Any]) -> bool:
        schema: Any = registries[version].contents(_BASE + thing["type"])
        return bool(jsonschema.Draft4Validator(schema, registry=registries[version]).is_valid(thing))

    return is_valid
