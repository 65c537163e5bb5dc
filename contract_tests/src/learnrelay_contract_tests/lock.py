"""Compares the shape of a plugin's output with its lock file, and finds the bump that a change needs (ADR 8)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from . import __version__
from .declarations import Declared
from .host import ROOT_URL, TITLE

Shape = dict[str, dict[str, Any]]
"""Path → ``types``, ``always`` (in every statement), perhaps ``constant`` and ``specification`` (required by it)."""

PATCH, MINOR, MAJOR, NEVER = range(4)
BUMPS = {PATCH: "no new", MINOR: "a new minor", MAJOR: "a new major", NEVER: "no"}

_ROOT = "{root_url}"
_VERSIONED = re.compile(r"([@/ ])\d+\.\d+(\.\d+)?\S*\Z")


@dataclass(frozen=True, slots=True)
class Change:
    """Holds one difference from the lock: where, what, and the bump that it needs."""

    event: str
    path: str
    what: str
    bump: int


def paths_of(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yields (path, leaf) of a statement; lists and empty objects are leaves too, ``[]`` stands for their items."""
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            part = _part_of(key)
            yield from paths_of(inner, f"{path}.{part}" if path and part == key else f"{path}{part}")
        return
    yield path, value
    if isinstance(value, list):
        for inner in value:
            yield from paths_of(inner, f"{path}[]")


def _part_of(key: str) -> str:
    """Returns a key as a part of a path; an address of the platform is drawn anew in each run."""
    return key if re.fullmatch(r"[\w@-]+", key) else f"[{orjson.dumps(key.replace(ROOT_URL, _ROOT)).decode()}]"


def type_of(value: Any) -> str:
    """Returns the type of a JSON value as a word."""
    words = {str: "text", bool: "boolean", int: "number", float: "number", list: "list", dict: "object"}
    return words.get(type(value), "null")


def shape_of(statements: Sequence[str]) -> Shape:
    """Returns the common shape of all statements of an event."""
    shape: Shape = {}
    counts: dict[str, int] = {}
    values: dict[str, set[bytes]] = {}
    for text in statements:
        here: set[str] = set()
        for path, value in paths_of(orjson.loads(text)):
            entry = shape.setdefault(path, {"types": []})
            if type_of(value) not in entry["types"]:
                entry["types"] = sorted([*entry["types"], type_of(value)])
            values.setdefault(path, set()).add(orjson.dumps(value))
            here.add(path)
        for path in here:
            counts[path] = counts.get(path, 0) + 1
    for path, entry in shape.items():
        entry["always"] = counts[path] == len(statements)
        constant = values[path]
        if len(constant) == 1 and len(set(statements)) > 1 and entry["types"] in (["text"], ["number"], ["boolean"]):
            entry["constant"] = _masked(orjson.loads(next(iter(constant))))
    return shape


def _masked(value: Any) -> Any:
    """Replaces what belongs to the platform or to a release in a constant."""
    if not isinstance(value, str):
        return value
    return _VERSIONED.sub(r"\1{version}", value.replace(ROOT_URL, _ROOT).replace(TITLE, "{course_title}"))


def remove_path(statement: str, path: str) -> str | None:
    """Returns the statement without the value at a path; None if there is none."""
    document = orjson.loads(statement)
    wanted = {path}

    def prune(value: Any, at: str) -> bool:
        if isinstance(value, dict):
            for key in list(value):
                part = _part_of(key)
                here = f"{at}.{part}" if at and part == key else f"{at}{part}"
                if here in wanted:
                    del value[key]
                    return True
                if prune(value[key], here):
                    return True
        if isinstance(value, list):
            return any(prune(inner, f"{at}[]") for inner in value)
        return False

    return orjson.dumps(document).decode() if prune(document, "") else None


def compare_shapes_by_event(locked: Mapping[str, Shape], now: Mapping[str, Shape]) -> list[Change]:
    """Lists all changes of one plugin, the gravest first."""
    changes: list[Change] = []
    for event in locked:
        if event not in now:
            changes.append(Change(event, "", "the event is no longer mapped", MAJOR))
    for event, shape in now.items():
        if event not in locked:
            changes.append(Change(event, "", "the event is new", MINOR))
        else:
            changes += _compare_shapes(event, locked[event], shape)
    return sorted(changes, key=lambda change: -change.bump)


def _compare_shapes(event: str, old: Shape, new: Shape) -> Iterable[Change]:
    gone = [path for path in old if path not in new]
    come = [path for path in new if path not in old]
    for path in gone:
        likely = [other for other in come if new[other].get("types") == old[path].get("types")]
        renamed = f" (renamed to {likely[0]}?)" if len(likely) == 1 and len(gone) == 1 else ""
        if old[path].get("specification"):
            yield Change(event, path, f"a field that the specification requires is missing{renamed}", NEVER)
        else:
            yield Change(event, path, f"the field is removed{renamed}", MAJOR)
    for path in come:
        if not path.endswith("[]"):
            yield Change(event, path, "the field is new", MINOR)
    for path in (path for path in old if path in new):
        before, after = old[path], new[path]
        if surplus := set(after["types"]) - set(before["types"]):
            was = " or ".join(before["types"])
            yield Change(event, path, f"its type changes from {was} to {' or '.join(sorted(surplus))}", MAJOR)
        elif "constant" in before and before["constant"] != after.get("constant"):
            yield Change(event, path, "its constant value changes", MAJOR)
        elif before["always"] and not after["always"]:
            level = NEVER if before.get("specification") else MAJOR
            yield Change(event, path, "it is no longer in every statement", level)


def requires_of(fields: Sequence[Declared]) -> list[list[str]]:
    """Lists for each required field its paths, of which one must hold a value."""
    path_sets = {
        tuple(sorted(field.paths)) for field in fields if field.needed and not field.is_key and field.paths != ("name",)
    }
    return [list(paths) for paths in sorted(path_sets)]


def compare_sources(event: str, old: Sequence[Sequence[str]], new: Sequence[Sequence[str]]) -> Iterator[Change]:
    """Yields changes that reject earlier source events: a field that became required, a path no longer read."""
    for paths in new:
        if not any(set(before) <= set(paths) for before in old):
            met = next((before for before in old if set(before) & set(paths)), None)
            gone = ", ".join(path for path in met or () if path not in paths)
            what = f"{gone} is no longer read" if gone else "the field is now required"
            yield Change(event, paths[0], f"{what}: events that were transformed before are rejected", MAJOR)


def next_version(version: str, bump: int) -> str:
    """Returns the lowest version after this one that has the bump."""
    numbers = [*_numbers(version)]
    major = 0 if numbers[0] else 1 if numbers[1] else 2
    place = {MAJOR: major, MINOR: min(major + 1, 2)}.get(bump, 2)
    return ".".join(str(number + (place == n) if n <= place else 0) for n, number in enumerate(numbers))


def bump_between(old: str, new: str) -> int:
    """Returns the bump between two versions. Below 1.0 the second number is the major one, the third the minor one."""
    before, after = _numbers(old), _numbers(new)
    if after <= before:
        return PATCH
    major = 0 if before[0] else 1 if before[1] else 2
    for position, bump in ((major, MAJOR), (major + 1, MINOR)):
        if before[: position + 1] != after[: position + 1]:
            return bump
    return PATCH


def _numbers(version: str) -> tuple[int, int, int]:
    parts = [int(part) for part in re.findall(r"\d+", version.partition("+")[0])[:3]]
    major, minor, patch, *_ = (*parts, 0, 0, 0)
    return major, minor, patch


def read_lock(path: Path) -> dict[str, Any]:
    """Reads a lock file. Raises ValueError if it is not one."""
    try:
        contents: dict[str, Any] = orjson.loads(path.read_bytes())
        assert isinstance(contents["version"], str)
        assert isinstance(contents["plugins"], dict)
    except (OSError, orjson.JSONDecodeError, KeyError, AssertionError, TypeError):
        raise ValueError(f"{path.name} is not a lock file: write it with `learnrelay contract-test --lock`") from None
    return contents


def write_lock(path: Path, version: str, plugins: Mapping[str, Mapping[str, Any]]) -> None:
    """Writes a lock file with sorted keys, so that changes can be read in a diff."""
    known = read_lock(path)["plugins"] if path.is_file() else {}
    contents = {"harness": __version__, "version": version, "plugins": {**known, **plugins}}
    path.write_text(f"{_format_json(contents, 5)}\n", encoding="utf-8")


def _format_json(value: Any, depth: int, indent: str = "\n") -> str:
    """Formats JSON with sorted keys and a line for each entry, down to a depth."""
    if not isinstance(value, dict) or not depth or not value:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    inner = f"{indent} "
    lines = [f"{orjson.dumps(key).decode()}: {_format_json(value[key], depth - 1, inner)}" for key in sorted(value)]
    return f"{{{inner}{f',{inner}'.join(lines)}{indent}}}"
