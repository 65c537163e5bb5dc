"""Runs the operator's tests of routes for ``learnrelay check``: events through the pipeline, nothing stored or sent.

What differs is described without values of the event: a test shows what it expects itself, and what it got by type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from ..assembly.assemble import Assembly
from ..config.models import Destination
from ..config.route_tests import RouteTest, StatementParts, check_names, read_tests_beside, tests_file
from ..errors import ConfigurationError, EventError
from ..events import LONGEST_EVENT, SourceEvent
from ..pipeline.run import NOT_MAPPED, Outcome, OutcomeState, Pipeline
from ..privacy.data_map import trace_sample
from ..privacy.masking import describe_type
from ..privacy.tracing import Leaves, below
from ..standards import SerializedStatement

_ABSENT: Final = object()
_LONGEST_LINE = 2 * LONGEST_EVENT  # an event may be written with line breaks and blanks
_INDEX = re.compile(r"\[(\d+)\]\.?")


@dataclass(frozen=True, slots=True)
class RouteTestResult:
    """Holds the file and the name of a test, and what differs from its expectations; nothing where it passed."""

    file: str
    name: str
    differences: Sequence[str]


def run_route_tests(assembly: Assembly, path: Path) -> list[RouteTestResult]:
    """Runs the tests of the operator's file and of the file beside it. Raises ConfigurationError for wrong names."""
    sets = [(path, assembly.config.tests), (tests_file(path), read_tests_beside(path))]
    names = list(assembly.config.destinations), list(assembly.standards)
    if problems := [problem for file, tests in sets for problem in check_names(tests, file, *names)]:
        raise ConfigurationError(problems)
    pipeline = Pipeline(assembly.plan)
    return [
        RouteTestResult(str(file), test.name, list(_differences(assembly, pipeline, test)))
        for file, tests in sets
        for test in tests
    ]


def _differences(assembly: Assembly, pipeline: Pipeline, test: RouteTest) -> Iterator[str]:
    event = None
    try:
        event = _read_event(assembly, test.event)
        processed = pipeline.process(event)
    except EventError as error:
        processed = [Outcome("", OutcomeState.FAILED, reason=f"the event is unreadable: {error.reason}")]
    except OSError as error:
        yield f"event: {test.event} cannot be read: {error.strerror or type(error).__name__}"
        return
    outcomes = {outcome.standard: outcome for outcome in processed}
    results = {name: _Result.of(outcomes, destination) for name, destination in assembly.config.destinations.items()}
    yield from _differing_destinations(test, results)
    yield from _differing_reasons(test, results)
    for name, expected in test.statements.items():
        result = results.get(name) or _Result.of_standard(outcomes, name)
        constants = trace_sample(assembly, event.name, result.standard) if event and result.statements else {}
        for difference in _differing_statements(expected, result, constants):
            yield f"statements.{name}{difference}"


def _read_event(assembly: Assembly, event: Mapping[str, Any] | str | Path) -> SourceEvent:
    if isinstance(event, Mapping):
        return assembly.source.event_from_mapping(event)
    if isinstance(event, str):
        return assembly.source.event_from_line(event.encode())
    with event.open("rb") as file:
        return assembly.source.event_from_line(file.read(_LONGEST_LINE))


@dataclass(frozen=True, slots=True)
class _Result:
    """Holds what a destination gets, or a standard makes, of an event: statements, or the reason why there are none."""

    standard: str
    statements: Sequence[SerializedStatement] = ()
    reason: str = ""

    @classmethod
    def of(cls, outcomes: Mapping[str, Outcome], destination: Destination) -> _Result:
        made = cls.of_standard(outcomes, destination.standard)
        name = destination.name
        if not made.statements:
            return made
        outcome = outcomes[destination.standard]
        if name in outcome.own or name in outcome.destinations:
            return cls(destination.standard, outcome.own.get(name, outcome.statements))
        return cls(destination.standard, (), outcome.denied.get(name, ""))

    @classmethod
    def of_standard(cls, outcomes: Mapping[str, Outcome], standard: str) -> _Result:
        outcome = outcomes.get(standard) or outcomes.get("") or Outcome(standard, OutcomeState.NOT_MAPPED)
        path = f"{outcome.error.path}: " if outcome.error is not None and outcome.error.path else ""
        reason = "" if outcome.state is OutcomeState.TRANSFORMED else f"{path}{outcome.reason or NOT_MAPPED}"
        return cls(standard, outcome.statements, reason)


def _differing_destinations(test: RouteTest, results: Mapping[str, _Result]) -> Iterator[str]:
    if test.destinations is None:
        return
    for name, result in results.items():
        if name in test.destinations and not result.statements:
            yield f"destinations: {name} gets nothing: {result.reason}"
        elif name not in test.destinations and result.statements:
            yield f"destinations: {name} gets it too"


def _differing_reasons(test: RouteTest, results: Mapping[str, _Result]) -> Iterator[str]:
    for name, reason in test.reasons.items():
        concerned = {name: results[name]} if name is not None else results
        silent = {each: result for each, result in concerned.items() if not result.statements}
        if not silent:
            yield f'reason: {name or "every destination"} gets it, expected "{reason}"'
        for each, result in silent.items():
            if reason not in result.reason:
                yield f'reason: {each}: expected "{reason}", got "{result.reason}"'


def _differing_statements(expected: Sequence[StatementParts], result: _Result, constants: Leaves) -> Iterator[str]:
    if not result.statements:
        yield f": there is none: {result.reason}"
        return
    if len(expected) > 1 and len(expected) != len(result.statements):
        yield f": expected {len(expected)} statements, got {len(result.statements)}"
        return
    for number, (parts, statement) in enumerate(zip(expected, result.statements, strict=False)):
        where = f"[{number}]" if len(expected) > 1 else ""
        for path, value in parts.items():
            actual, output_path = next(find_values(statement.parsed, path), (_ABSENT, ""))
            if not _equal(actual, value):
                is_constant = isinstance(actual, str) and actual in constants.get(output_path, ())
                got = _as_json(actual) if is_constant else _describe(actual, value)
                yield f"{where} {path}: expected {_as_json(value)}, got {got}"


def find_values(value: Any, path: str, output_path: str = "") -> Iterator[tuple[Any, str]]:
    """Yields what stands at a path, with the path as the data map writes it.

    A path is of keys joined by dots, ``[0]`` in lists, and ``["key"]``; a key with dots may also stand as it is.
    """
    if not path:
        yield value, output_path
    elif isinstance(value, dict):
        for key in value:
            for form in (key, f'["{key}"]'):
                if path == form or path.startswith((f"{form}.", f"{form}[")):
                    rest = path[len(form) :].removeprefix(".")
                    yield from find_values(value[key], rest, below(output_path, key))
    elif isinstance(value, list) and (index := _INDEX.match(path)) and int(index[1]) < len(value):
        yield from find_values(value[int(index[1])], path[index.end() :], f"{output_path}[*]")


def _equal(actual: Any, expected: Any) -> bool:
    """Compares as JSON does: 1 is 1.0, and true is not 1."""
    if isinstance(actual, bool) or isinstance(expected, bool):
        return actual is expected
    if isinstance(actual, dict) and isinstance(expected, dict):
        return actual.keys() == expected.keys() and all(_equal(actual[key], expected[key]) for key in actual)
    if isinstance(actual, list) and isinstance(expected, list):
        return len(actual) == len(expected) and all(map(_equal, actual, expected))
    return bool(actual == expected)


def _describe(actual: Any, expected: Any) -> str:
    """Describes by its type what stands in the place of an expected value."""
    if actual is _ABSENT:
        return "no such part"
    if type(actual) is type(expected) and isinstance(actual, (str, int, float)):
        return f"another {describe_type(actual).removeprefix('a ')}"
    return describe_type(actual)


def _as_json(value: Any) -> str:
    return orjson.dumps(value, default=str).decode()
