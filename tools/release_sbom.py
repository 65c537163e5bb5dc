"""Describes what an environment consists of as a CycloneDX document, equal for equal versions."""

from __future__ import annotations

import json
import subprocess
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packageurl import PackageURL
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

_DESCRIBE = """
import json
from importlib.metadata import distributions
print(json.dumps([
    {"name": d.name, "version": d.version, "requires": d.requires or [], "summary": d.metadata["Summary"],
     "licence": d.metadata["License-Expression"] or d.metadata["License"]}
    for d in distributions()]))
"""
_LONGEST_NAME = 60  # characters; longer ones are the text of a licence


def describe_environment(python: Path) -> list[dict[str, Any]]:
    """Lists the distributions of an environment: name, version, licence, summary, requires."""
    done = subprocess.run([python, "-I", "-c", _DESCRIBE], capture_output=True, text=True, check=True)
    described: list[dict[str, Any]] = json.loads(done.stdout)
    return sorted(described, key=lambda each: str(each["name"]).lower())


def make_bom(described: Sequence[dict[str, Any]], epoch: int) -> str:
    """Makes the document (JSON). ``epoch``: its time. Raises ValueError where it breaks the schema."""
    components = {canonicalize_name(each["name"]): _make_component(each) for each in described}
    bom = Bom(components=components.values())
    bom.metadata.component = Component(
        name="learnrelay: all packages",
        type=ComponentType.APPLICATION,
        bom_ref="all",
        version=components[canonicalize_name("learnrelay")].version,
    )
    bom.metadata.timestamp = datetime.fromtimestamp(epoch, UTC)
    contents = json.dumps([[each["name"], each["version"]] for each in described])
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, f"{epoch} {contents}")
    ours = [component for name, component in components.items() if name.startswith("learnrelay")]
    bom.register_dependency(bom.metadata.component, ours)
    for each in described:
        names = {canonicalize_name(Requirement(text).name) for text in each["requires"]}
        needed = [components[name] for name in sorted(names & components.keys())]
        bom.register_dependency(components[canonicalize_name(each["name"])], needed)
    text = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=1)
    if fault := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(f"the SBOM breaks its schema: {fault}")
    return text


def _make_component(described: dict[str, Any]) -> Component:
    licence = described["licence"]
    known = licence and len(licence) <= _LONGEST_NAME
    return Component(
        name=described["name"],
        version=described["version"],
        description=described["summary"],
        bom_ref=f"{canonicalize_name(described['name'])}@{described['version']}",
        purl=PackageURL("pypi", None, canonicalize_name(described["name"]), described["version"]),
        licenses=[LicenseFactory().make_from_string(licence)] if known else [],
    )
