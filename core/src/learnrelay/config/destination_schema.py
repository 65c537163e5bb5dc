"""Defines the schema of the core's keys in ``[destinations.NAME]``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError, fields, post_load, validates_schema

from .fields import (
    Duration,
    OneOf,
    Section,
    Table,
    Text,
    WholeNumber,
    described,
    in_words,
)
from .models import BatchLimits, Retry


class BatchSection(Section):
    """Validates ``batch = { size = 100, interval = "2s" }``."""

    size = WholeNumber(
        1, 10_000, load_default=100, metadata=described("statements in a request at most", "500", unit="statements")
    )
    interval = Duration(
        load_default=2.0, metadata=described("how long a smaller batch waits for more statements", '"10s"')
    )

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> BatchLimits:
        return BatchLimits(**data)


_SHORTEST_WAIT = 0.01
"""Seconds between two attempts at least."""


class RetrySection(Section):
    """Validates ``retry = { attempts = 12, backoff = "2s", ceiling = "15m" }``."""

    attempts = WholeNumber(
        1,
        1000,
        load_default=12,
        metadata=described(
            "answers after which a statement that fails even alone becomes a dead letter",
            "20",
            unit="answers",
        ),
    )
    backoff = Duration(
        load_default=2.0, metadata=described("wait after the first failure, doubled after each further one", '"5s"')
    )
    ceiling = Duration(load_default=900.0, metadata=described("longest wait between two attempts", '"1h"'))

    @validates_schema
    def _in_order(self, data: dict[str, Any], **_: Any) -> None:
        if data["backoff"] < _SHORTEST_WAIT:
            raise ValidationError("must be at least 10ms: a consumer that is down is not to be overrun", "backoff")
        if data["ceiling"] < data["backoff"]:
            raise ValidationError("must be at least as long as backoff", "ceiling")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> Retry:
        return Retry(**data)


class ScopeField(Text):
    """Accepts ``"all"``, or a table of whom a destination stands for (`learnrelay.assembly.access_rules`)."""

    form = '"all", or a table'
    json_schema = MappingProxyType({"anyOf": [{"const": "all"}, {"type": "object", "minProperties": 1}]})

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if value == "all" or (isinstance(value, dict) and value):
            return value
        raise ValidationError(
            'expected "all" or a table such as { org = "Harbour" }'
            + ("" if isinstance(value, str) else f", found {'an empty one' if value == {} else in_words(value)}")
        )


class MatchField(Text):
    """Validates ``match = { "source.path" = value or [values] }``."""

    form = "table: source path = value, or list of values"
    json_schema = MappingProxyType({"type": "object"})

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        if not isinstance(value, dict):
            raise ValidationError(f"expected a table of source paths, found {in_words(value)}")
        rules, errors = {}, {}
        for path, wanted in value.items():
            values = tuple(wanted) if isinstance(wanted, list) else (wanted,)
            if not all(path.split(".")):
                errors[path] = ['expected a dotted source path in quotes, such as "context.org_id"']
            elif not values or not all(isinstance(scalar, (str, int, float, bool)) for scalar in values):
                errors[path] = [f"expected a text, number or boolean, or a list of them, found {in_words(wanted)}"]
            rules[path] = values
        if errors:
            raise ValidationError(errors)
        return rules


class DestinationSection(Section):
    """Validates what is the core's in ``[destinations.NAME]``; the other keys are those of the destination's sink."""

    standard = Text(required=True, metadata=described("standard of the statements that it gets", '"STANDARD"'))
    sink = Text(
        load_default="http",
        metadata=described(
            "what sends: `http`, `log`, `files`, or a plugin's; the other keys of the table are the sink's",
            '"files"',
        ),
    )
    scope = ScopeField(
        required=True,
        error_messages={"required": 'is missing: say whom it stands for, scope = "all" or scope = {{ … }}'},
        metadata=described(
            'whom it stands for: `"all"`, or by `event`, `family`, and scopes of enabled plugins, such as `org`',
            '{ org = "Harbour" }',
        ),
    )
    match = MatchField(
        load_default=dict,
        metadata=described(
            "source fields, and the values or patterns that an event must have: one of a list, in all fields",
            '{ "context.org_id" = ["Harbour", "glob:Bay*"] }',
        ),
    )
    batch = Table(BatchSection)
    retry = Table(RetrySection)
    timeout = Duration(
        load_default=30.0, metadata=described("longest time that sending a batch may take, with the answer", '"10s"')
    )
    pseudonyms = OneOf(
        ["standard", "own"],
        load_default="standard",
        metadata=described(
            "whether its learners have pseudonyms of its own, or those that all of the standard see",
            '"own"',
        ),
    )


class DestinationNames(fields.Field[Any]):
    """Validates the names in ``[destinations.NAME]``; their tables are validated one by one.

    Names have no brackets: these are for the core's internal queues. They are names of folders too (`replay --output`),
    also on Windows, and arguments of commands.
    """

    _form = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_-])?")
    _reserved = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Any:
        names = value if isinstance(value, Mapping) else ()
        form = (
            'expected a name of letters (A to Z, a to z), digits, "-", "_" and, between them, "."; with no "-" at the '
            "beginning"
        )
        reserved = "is a name that Windows keeps for devices; take another one"
        errors = {name: [form] for name in names if not self._form.fullmatch(name)}
        errors |= {name: [reserved] for name in names if self._reserved.fullmatch(name)}
        if errors:
            raise ValidationError(errors)
        return value
