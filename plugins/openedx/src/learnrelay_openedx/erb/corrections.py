"""Names the corrections of ERB's statements (docs/xapi-corrections.md) that two statements of an event can show.

A correction says at which paths two statements may differ, and how. Paths are those of `learnrelay diff`, with
``[*]`` for any place in a list.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import unquote

from learnrelay.comparison.statement_changes import ABSENT
from learnrelay_xapi import vocabulary as v

from .. import xapi_vocabulary as openedx
from ..source import OpenedxSource

Statement = dict[str, Any]


class Difference(NamedTuple):
    """Holds two values at a path, ``ABSENT`` for none, and the statements that they stand in: ERB's and ours."""

    path: str
    erb: Any
    ours: Any
    erb_statement: Statement
    our_statement: Statement


class Correction(NamedTuple):
    """Describes a correction. ``name``: of its row in docs/xapi-corrections.md. ``holds``: whether it is this one."""

    name: str
    paths: tuple[str, ...]
    holds: Callable[[Difference], bool]


def name_correction(difference: Difference) -> str | None:
    """Returns the name of the correction that a difference shows; None for none."""
    for correction in _BY_PATH.get(difference.path, ()):
        if correction.holds(difference):
            return correction.name
    last = difference.path.rpartition(".")[2]
    if difference.erb == {} and difference.ours is ABSENT:
        return _NO_CONTENT
    if last == "id" and _is_encoded(difference):
        return _ENCODED
    return None


def _extension(path: str, iri: str) -> str:
    return f'{path}.extensions["{iri}"]'


def _changes(erb: Any, ours: Any) -> Callable[[Difference], bool]:
    return lambda difference: (difference.erb, difference.ours) == (erb, ours)


def _is_added(difference: Difference) -> bool:
    return difference.erb is ABSENT


def _is_left_out(difference: Difference) -> bool:
    return difference.ours is ABSENT


def _are_texts(difference: Difference) -> bool:
    return isinstance(difference.erb, str) and isinstance(difference.ours, str)


def _is_block_address(difference: Difference) -> bool:
    """Tells whether ERB has the bare key of a block, and ours its address."""
    return _are_texts(difference) and bool(difference.ours.endswith(f"/xblock/{difference.erb}"))


def _is_encoded(difference: Difference) -> bool:
    return _are_texts(difference) and "%" in difference.ours and unquote(difference.ours) == unquote(difference.erb)


def _is_resolved(difference: Difference) -> bool:
    """Tells whether ERB's link is relative, and ours ends as it does."""
    return "://" not in difference.erb and difference.ours.endswith(_SHORTENED.split(difference.erb)[0].lstrip("./"))


def _is_shortened(difference: Difference) -> bool:
    """Tells whether our link is the beginning of ERB's."""
    return bool(unquote(difference.erb).startswith(unquote(difference.ours).rstrip("/")))


def _has_only(value: Any, *iris: str) -> bool:
    """Tells whether extensions are of these; true for the value of one."""
    return not isinstance(value, dict) or value.keys() <= set(iris)


def _object_type(difference: Difference) -> str | None:
    activity = difference.our_statement.get("object")
    definition = activity.get("definition") if isinstance(activity, dict) else None
    kind = definition.get("type") if isinstance(definition, dict) else None
    return kind if isinstance(kind, str) else None


def _verb(difference: Difference) -> str | None:
    verb = difference.our_statement.get("verb")
    return verb.get("id") if isinstance(verb, dict) and isinstance(verb.get("id"), str) else None


def _of_types(*types: str) -> Callable[[Difference], bool]:
    return lambda difference: _are_texts(difference) and _object_type(difference) in types


def _points(difference: Difference) -> tuple[float, float] | None:
    """Returns the points of ERB's score: earned and possible."""
    score = difference.erb_statement.get("result", {}).get("score")
    points = (score.get("raw"), score.get("max")) if isinstance(score, dict) else (None, None)
    return points if all(isinstance(value, (int, float)) for value in points) else None  # type: ignore[return-value]


def _has_no_points(difference: Difference) -> bool:
    points = _points(difference)
    return _is_left_out(difference) and points is not None and points[1] == 0


def _is_out_of_bounds(difference: Difference) -> bool:
    points = _points(difference)
    return _is_left_out(difference) and points is not None and not 0 <= points[0] <= points[1]


def _is_group(difference: Difference) -> bool:
    activity = difference.erb_statement.get("object")
    return isinstance(activity, dict) and activity.get("objectType") == "GroupActivity"


def _is_forum_address(kind: str) -> Callable[[Difference], bool]:
    """Tells whether both are addresses of one post, ours in the platform's API."""

    def holds(difference: Difference) -> bool:
        if not _are_texts(difference):
            return False
        place, _, key = difference.ours.rpartition("/")
        return bool(place.endswith(f"/api/discussion/v1/{kind}") and difference.erb.endswith(f"/{key}"))

    return holds


_SHORTENED = re.compile("[?#;]")
_TERMS = OpenedxSource.terms
_COURSE = ("context.contextActivities", "context.contextActivities.parent", "context.contextActivities.grouping")
_PARENT, _GROUPING = f"{_COURSE[1]}[*]", f"{_COURSE[2]}[*]"
_SCORE = "result.score"
_SCORES = (f"{_SCORE}.min", f"{_SCORE}.max", f"{_SCORE}.scaled")
_PROBLEM_TITLE = ("object.definition.name", f"{_PARENT}.definition.name")
_ATTEMPTS = ("object", _PARENT)
_WEIGHTED = (openedx.WEIGHTED_EARNED, openedx.WEIGHTED_POSSIBLE)
_EXAMS = (openedx.TIMED_EXAM, openedx.PRACTICE_EXAM, openedx.PROCTORED_EXAM)
_NO_CONTENT = "an extension, name or object without content"
_ENCODED = "characters that an IRI cannot have, in course and block keys"

CORRECTIONS = (
    # --- every statement
    Correction("version", ("version",), lambda d: d.erb == "1.0.3" and d.ours in ("1.0.0", "2.0.0")),
    Correction("id", ("id", "context.statement.id"), _are_texts),
    Correction("session id in context.extensions", (_extension("context", _TERMS["session_id"]),), _are_texts),
    Correction(
        "transformer version in context.extensions", (_extension("context", _TERMS["transformer_version"]),), _are_texts
    ),
    Correction(_NO_CONTENT, ("object.definition", "result", "context"), _changes({"extensions": {}}, ABSENT)),
    Correction("an event whose context names no course, such as all lines of 2012 and 2013", _COURSE, _is_added),
    Correction("mbox_sha1sum", ("actor.mbox_sha1sum",), _are_texts),
    # --- grades, completion, problems
    Correction("problem and subsection grades, nothing to earn", (*_SCORES, "result.success"), _has_no_points),
    Correction("more points than possible, or negative ones", _SCORES, _is_out_of_bounds),
    Correction(
        "several questions: the whole", ("object.objectType", f"{_PARENT}.objectType"),
        _changes("GroupActivity", "Activity"),
    ),
    Correction(
        "several questions: the whole, in-process",
        ("object.definition.description", "result.success", "result.response"), _is_group,
    ),
    Correction(
        "several questions, in tracking-log lines",
        tuple(_extension(f"{path}.definition", v.ATTEMPT_ID) for path in _ATTEMPTS)
        + tuple(f"{path}.definition.extensions" for path in _ATTEMPTS),
        lambda d: _is_added(d) and _has_only(d.ours, v.ATTEMPT_ID),
    ),
    Correction(
        "the title of a problem with a question's text, or of one that points are for", _PROBLEM_TITLE,
        lambda d: _is_added(d) and _object_type(d) in (v.INTERACTION, v.QUESTION),
    ),
    Correction(
        "old events without submission", ("result.response",),
        lambda d: _are_texts(d) and d.erb[:1] == d.ours[:1] == "{",
    ),
    Correction(
        "points of a problem, where its event has weighted ones too",
        ("result.extensions", *(_extension("result", iri) for iri in _WEIGHTED)),
        lambda d: _is_added(d) and _has_only(d.ours, *_WEIGHTED),
    ),
    Correction("edx.problem.completed", ("object.id",), lambda d: _is_block_address(d) and _verb(d) == v.COMPLETED.id),
    Correction(
        "browser's report", ("object.id",), lambda d: _verb(d) == v.ATTEMPTED.id and _of_types(v.INTERACTION)(d)
    ),
    # --- videos
    Correction(
        "position 0 under one key, the other missing",
        (_extension("result", v.TIME), "result.extensions", "result"),
        lambda d: d.erb in (ABSENT, {}) and d.ours in (0, {v.TIME: 0}, {"extensions": {v.TIME: 0}}),
    ),
    Correction(
        "the menu of languages is opened or closed (video_show_cc_menu)", (_extension("result", v.CC_ENABLED),),
        lambda d: isinstance(d.erb, bool) and _is_left_out(d),
    ),
    # --- navigation
    Correction("relative link", ("object.id",), lambda d: _of_types(v.LINK, v.MODULE)(d) and _is_resolved(d)),
    Correction(
        "query, fragment, ;parameters, user and password of a link", ("object.id",),
        lambda d: _of_types(v.LINK, v.MODULE)(d) and _is_shortened(d),
    ),
    # --- forum
    Correction("id of a thread", ("object.id", f"{_GROUPING}.id"), _is_forum_address("threads")),
    Correction("id of a response or comment", ("object.id",), _is_forum_address("comments")),
    Correction(
        "type of a thread, direction of a vote", (_extension("context", v.TYPE),),
        lambda d: _is_left_out(d) and _object_type(d) == v.DISCUSSION,
    ),
    Correction("a vote that is taken back", (_extension("context", openedx.VOTE_TAKEN_BACK),), _is_added),
    # --- special exams
    Correction(
        "id of the attempt in contextActivities.grouping", (f"{_GROUPING}.id",),
        lambda d: _are_texts(d) and d.ours == f"urn:uuid:{d.erb.lower()}",
    ),
    Correction("id of the exam", ("object.id",), lambda d: _is_block_address(d) and _object_type(d) in _EXAMS),
    Correction(
        "times of the attempt",
        tuple(
            _extension(f"{_GROUPING}.definition", iri) for iri in (openedx.ATTEMPT_STARTED, openedx.ATTEMPT_COMPLETED)
        ),
        lambda d: isinstance(d.erb, str),
    ),
)  # fmt: skip


def _by_path() -> Mapping[str, list[Correction]]:
    corrections: dict[str, list[Correction]] = defaultdict(list)
    for correction in CORRECTIONS:
        for path in correction.paths:
            corrections[path].append(correction)
    return corrections


_BY_PATH = _by_path()
