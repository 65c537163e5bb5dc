"""Reads the operator's tests of routes: events, and what is to become of them (``[[tests]]``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from marshmallow import ValidationError, post_load, validates_schema

from ..errors import ConfigurationError, Problem
from .fields import BASE, Section, Tables, Text, TextList, described, did_you_mean, in_words
from .problems import load_section, read_toml

StatementParts = Mapping[str, Any]
"""Path in a statement → value that is expected there."""


@dataclass(frozen=True, slots=True)
class RouteTest:
    """Describes an event, and what is expected of it.

    event: the event itself, its JSON, or the path of a file with it. destinations: exactly those that get statements.
    reasons: destination that gets none → a part of the reason; ``None`` as key for each that gets none. statements:
    destination or standard → parts of its statements, in order.
    """

    name: str
    event: Mapping[str, Any] | str | Path
    destinations: tuple[str, ...] | None = None
    reasons: Mapping[str | None, str] = field(default_factory=dict)
    statements: Mapping[str, tuple[StatementParts, ...]] = field(default_factory=dict)


class EventField(Text):
    """Reads an event: a table, JSON in a text, or the path of a file, relative to the operator's file."""

    form = "table, JSON, or path of a file"
    json_schema = MappingProxyType({"type": ["string", "object"]})

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Mapping[str, Any] | str | Path:
        if isinstance(value, Mapping):
            return value
        if not isinstance(value, str) or not value.strip():
            raise ValidationError(f"expected a table, JSON or the path of a file, found {in_words(value)}")
        return value if value.lstrip().startswith("{") else BASE.get() / value


class ReasonField(Text):
    """Reads ``"part of the reason"``, or ``{ destination = "part of the reason" }``."""

    form = "text, or table: destination = text"
    json_schema = MappingProxyType({"type": ["string", "object"]})

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Mapping[str | None, str]:
        if isinstance(value, Mapping):
            return {name: super(ReasonField, self)._deserialize(text, attr, data) for name, text in value.items()}
        return {None: super()._deserialize(value, attr, data, **kwargs)}


class StatementsField(Text):
    """Reads ``{ destination or standard = { "object.id" = … } }``, or a list of such parts, one for each statement."""

    form = "table: destination or standard = table, or list of tables"
    json_schema = MappingProxyType({"type": "object"})

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> Mapping[str, tuple[StatementParts, ...]]:
        if not isinstance(value, Mapping):
            raise ValidationError(f"expected a table of destinations or standards, found {in_words(value)}")
        expected = {name: tuple(parts) if isinstance(parts, list) else (parts,) for name, parts in value.items()}
        for name, several in expected.items():
            for parts in several:
                if not isinstance(parts, Mapping) or not parts:
                    raise ValidationError(
                        {name: [f'expected a table such as {{ "object.id" = … }}, found {in_words(parts)}']}
                    )
        return expected


class RouteTestSection(Section):
    """Validates ``[[tests]]``: an event, and at least one expectation."""

    name = Text(
        required=True,
        metadata=described("what the test is called in the answer of `learnrelay check`", '"grades stay in the house"'),
    )
    event = EventField(
        required=True,
        metadata=described("the event: a table, its JSON, or the path of a file with it", '"tests/grade.json"'),
    )
    destinations = TextList(
        load_default=None,
        metadata=described("destinations that get statements of it, exactly these", '["main"]', default="not checked"),
    )
    reason = ReasonField(
        load_default=dict,
        metadata=described(
            "part of the reason why a destination gets none: one text for all, or by destination",
            '{ partner = "another organisation" }',
        ),
    )
    statements = StatementsField(
        load_default=dict,
        metadata=described(
            "parts of the statements, by destination or standard; a list for several statements",
            '{ STANDARD = { "verb.id" = "http://id.tincanapi.com/verb/earned" } }',
        ),
    )

    @validates_schema
    def _expects(self, data: dict[str, Any], **_: Any) -> None:
        if data["destinations"] is None and not data["reason"] and not data["statements"]:
            raise ValidationError("expects nothing: write destinations = […], reason = … or statements = { … }")

    @post_load
    def _made(self, data: dict[str, Any], **_: Any) -> RouteTest:
        return RouteTest(data["name"], data["event"], data["destinations"], data["reason"], data["statements"])


class RouteTestFile(Section):
    """Validates the file of tests beside the operator's file."""

    tests = Tables(RouteTestSection, required=True)


def tests_file(path: Path) -> Path:
    """Returns where the tests of an operator's file lie when not in itself: ``relay.tests.toml`` for ``relay.toml``."""
    return path.with_name(f"{path.stem}.tests.toml")


def read_tests_beside(path: Path) -> tuple[RouteTest, ...]:
    """Reads the file of tests beside the operator's file; none, where there is none. Raises ConfigurationError."""
    file = tests_file(path)
    if not file.exists():
        return ()
    token = BASE.set(file.absolute().parent)
    try:
        values, problems = load_section(RouteTestFile(), read_toml(file), str(file), "")
    finally:
        BASE.reset(token)
    if problems:
        raise ConfigurationError(problems)
    return tuple(values["tests"])


def check_names(
    tests: Sequence[RouteTest], file: Path, destinations: Sequence[str], standards: Sequence[str]
) -> list[Problem]:
    """Lists the names in tests that are of no destination or standard."""
    problems = []
    for test in tests:
        named = {
            "destinations": (test.destinations or (), destinations),
            "reason": ([name for name in test.reasons if name is not None], destinations),
            "statements": (test.statements, [*destinations, *standards]),
        }
        for key, (names, known) in named.items():
            what = "destination" if known is destinations else "destination or standard"
            for name in names:
                if name not in known:
                    reason = f'there is no {what} "{name}"{did_you_mean(name, known)}'
                    problems.append(Problem(str(file), f"tests.{test.name}.{key}", reason))
    return problems
