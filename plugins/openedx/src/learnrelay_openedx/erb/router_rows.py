"""Reads ERB's routers from a dump of the admin's table (`manage.py dumpdata`, JSON)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from learnrelay import LearnrelayError

MODEL = "event_routing_backends.routerconfiguration"
_FIELDS = ("backend_name", "route_url", "auth_scheme", "auth_key", "username", "password")


class RouterSourceError(LearnrelayError):
    """Reports routers that cannot be read. The message holds no value of theirs."""


@dataclass(frozen=True, slots=True)
class RouterRow:
    """Holds a row of the table; what may be secret is not shown.

    configurations: JSON text, what it says, or None.
    """

    id: int
    enabled: bool
    backend_name: str
    route_url: str
    auth_scheme: str | None = None
    auth_key: str | None = field(default=None, repr=False)
    username: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    configurations: Any = field(default=None, repr=False)

    def read_configurations(self) -> dict[str, Any]:
        """Returns what the row configures; empty for none. Raises ValueError with a reason, as ERB does at routing."""
        content = self.configurations
        if isinstance(content, str) and content.strip():
            try:
                content = json.loads(content)
            except (ValueError, RecursionError):
                raise ValueError("its configurations are not valid JSON") from None
        if not content:
            return {}
        if not isinstance(content, dict):
            raise ValueError("its configurations are no object: ERB fails on them at each event")
        return content


def read_dump(content: bytes, source: str) -> list[RouterRow]:
    """Reads the rows of a dump; rows of other models are passed over. Raises RouterSourceError."""
    try:
        objects = json.loads(content)
    except (ValueError, RecursionError) as error:
        at = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise RouterSourceError(
            f"{source}: is not valid JSON{at}: make it with manage.py lms dumpdata {MODEL} --format json"
        ) from None
    if not isinstance(objects, list) or not all(isinstance(item, dict) for item in objects):
        raise RouterSourceError(f"{source}: is no dump of Django: expected a list of objects with model, pk and fields")
    ours = [item for item in objects if str(item.get("model")).lower() == MODEL]
    if not ours:
        models = sorted({str(item.get("model")) for item in objects})[:5]
        what = f"of {', '.join(models)}" if models else "at all"
        raise RouterSourceError(f"{source}: has no row of {MODEL}, but rows {what}" if models else f"{source}: no rows")
    return [_read_row(item, source) for item in ours]


def _read_row(item: Mapping[str, Any], source: str) -> RouterRow:
    identifier, fields = item.get("pk"), item.get("fields")
    if not isinstance(identifier, int) or isinstance(identifier, bool) or not isinstance(fields, dict):
        raise RouterSourceError(f"{source}: a row of {MODEL} has no number as pk, or no fields")
    return make_row(identifier, fields, f"{source}: router {identifier}")


def make_row(identifier: int, fields: Mapping[str, Any], place: str) -> RouterRow:
    """Makes a row of the values of its columns, decrypted. Raises RouterSourceError."""
    for name in _FIELDS:
        if not isinstance(fields.get(name), str | None):
            raise RouterSourceError(f"{place}: {name} is no text")
    if not fields.get("route_url") or not fields.get("backend_name"):
        raise RouterSourceError(f"{place}: has no route_url or backend_name")
    enabled = fields.get("enabled")
    if enabled not in (True, False):
        raise RouterSourceError(f"{place}: enabled is neither true nor false")
    texts: dict[str, Any] = {name: fields.get(name) or None for name in _FIELDS}
    return RouterRow(identifier, bool(enabled), configurations=fields.get("configurations"), **texts)


def select_current(rows: Iterable[RouterRow]) -> list[RouterRow]:
    """Keeps the row with the highest id of each address, as ERB does: the table holds every save of the admin.

    Addresses that differ in upper and lower case alone are one, as in the collation of the LMS's database.
    """
    current: dict[str, RouterRow] = {}
    for row in sorted(rows, key=lambda row: row.id):
        current[row.route_url.rstrip(" ").casefold()] = row
    return sorted(current.values(), key=lambda row: row.id)
