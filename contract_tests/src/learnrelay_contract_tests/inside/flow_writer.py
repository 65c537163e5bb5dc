"""Writes ``data_flows.json.gz`` of distributions: traces the mappings of installed families, in all shipped frames.

It runs in a process of its own, as it imports the plugins:
``python -m learnrelay_contract_tests.inside.flow_writer SOURCE (FAMILY... | --distribution NAME)``
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from importlib.metadata import requires
from pathlib import Path
from typing import Any
from uuid import uuid4

from learnrelay.assembly.assemble import Assembly, assemble_from
from learnrelay.plugins.discovery import installed
from learnrelay.privacy.data_map import trace_frames
from learnrelay.privacy.shipped_flows import FILE, FRAMES, Flows, Frame, folder_of, make_entry, write_entries

from ..module_graph import ModuleGraph


def assemble_families(source: str, families: Sequence[str]) -> Assembly:
    """Assembles families with their default settings, on a platform whose address is drawn."""
    raw = {
        "platform": {"root_url": f"https://{uuid4().hex}.example.org", "source": source},
        "plugins": {"enabled": [*families]},
        "identity": {"provider": "keyed", "secret": uuid4().hex + uuid4().hex},
    }
    return assemble_from(raw, Path("relay.toml"))


def files_of(assembly: Assembly, standard: str, family: str) -> list[str] | None:
    """Lists the files that a family's mappings reach by imports.

    None where these use code of others than the source, the standard, the core, what the core requires and Python:
    what they do may change without a change of anything that the digest is of.
    """
    folder = folder_of(assembly, standard, family)
    graph = ModuleGraph([folder])
    functions = [
        made.function for made in assembly.table.values() if (made.standard, made.family) == (standard, family)
    ]
    source = type(assembly.source).__module__
    packages = {name.partition(".")[0] for name in (source, type(assembly.standards[standard]).__module__)}
    modules = {*(function.__module__ for function in functions), *([source] if folder.name in packages else ())}
    starts = [file for module in modules if (file := graph.file_of(module)) is not None]
    reached = graph.reach(starts)
    required = {
        re.split(r"[^\w]", name, maxsplit=1)[0] for name in requires("learnrelay") or () if "extra ==" not in name
    }
    known = {folder.name, "learnrelay", *packages, *required, *sys.stdlib_module_names}
    if len(starts) < len(modules) or graph.packages_imported(reached) - known:
        return None
    return sorted(file.relative_to(folder.parent).as_posix() for file in reached)


def write_flows(source: str, families: Sequence[str]) -> list[Path]:
    """Traces families and writes their entries. Returns the files."""
    assembly = assemble_families(source, families)
    traced: dict[tuple[str, str], dict[tuple[Frame, bool, str], Flows]] = {}
    for frame, name, flows in trace_frames(assembly, FRAMES, os.cpu_count() or 1):
        traced.setdefault((name.standard, name.family), {})[frame, name.own, name.event] = flows
    entries: dict[Path, dict[str, Any]] = {}
    for (standard, family), flows_of_family in traced.items():
        if files := files_of(assembly, standard, family):
            path = folder_of(assembly, standard, family) / FILE
            entry = make_entry(assembly, standard, family, files, flows_of_family)
            entries.setdefault(path, {})[f"{standard} {family}"] = entry
    for path, of_path in entries.items():
        write_entries(path, of_path)
    return [*entries]


def families_of(distribution: str) -> list[str]:
    """Lists the families of an installed distribution."""
    return [i.name for i in installed() if (i.kind, i.distribution) == ("families", distribution)]


if __name__ == "__main__":
    source_name, *family_names = sys.argv[1:]
    if family_names[0] == "--distribution":
        family_names = families_of(family_names[1])
    for written in write_flows(source_name, family_names):
        print(written)
