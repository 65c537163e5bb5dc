"""Names the departures from ERB's Caliper events (docs/caliper-departures.md) that two events can show.

Each rule says at which paths two events may differ, and how. The names are those of `DEPARTURES`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote

from learnrelay.comparison.statement_changes import ABSENT

from .corrections import Difference, Statement

Holds = Callable[[Difference], bool]


class DepartureRule(NamedTuple):
    """Describes a departure. ``name``: of its row. ``paths``: where; ``holds``: whether a difference is this one."""

    name: str
    paths: tuple[str, ...]
    holds: Holds


def name_departure(difference: Difference) -> str | None:
    """Returns the name of the departure that a difference shows; None for none."""
    return next(
        (rule.name for rule in RULES if difference.path in rule.paths and rule.holds(difference)), None
    )  # fmt: skip


def name_addition(event: Statement, paired: Sequence[Statement]) -> str | None:
    """Returns the name of the departure by which we say this event in addition to those of the same instant."""
    for other in paired:
        if _kind(event) == ("GradeEvent", "Graded") and _kind(other) == ("AssessmentEvent", "Submitted"):
            if (attempt := _id_of(event.get("object"))) is not None and attempt == _id_of(other.get("generated")):
                return _SUBMISSION
        elif _kind(event) == ("AssessmentItemEvent", "Completed") and _kind(other) == ("GradeEvent", "Graded"):
            whole, assessed = _inner(event, "object", "isPartOf"), _inner(other, "object", "assignable")
            if (problem := _id_of(whole)) is not None and problem == _id_of(assessed):
                return _ANSWERS
    return None


def _kind(event: Statement) -> tuple[Any, Any]:
    return event.get("type"), event.get("action")


def _inner(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _id_of(entity: Any) -> str | None:
    """Returns the id of an entity, which may stand for it."""
    identifier = entity.get("id") if isinstance(entity, dict) else entity
    return identifier if isinstance(identifier, str) else None


def _are_texts(difference: Difference) -> bool:
    return isinstance(difference.erb, str) and isinstance(difference.ours, str)


def _is_added(*types: str) -> Holds:
    """Tells whether ours has what ERB has not; with types, an entity of one of these."""
    return lambda d: d.erb is ABSENT and (not types or _inner(d.ours, "type") in types)


def _is_left_out(*keys: str) -> Holds:
    """Tells whether ours has not what ERB has; with keys, an object of these alone."""
    return lambda d: d.ours is ABSENT and (not keys or (isinstance(d.erb, dict) and d.erb.keys() <= set(keys)))


def _changes(*pairs: tuple[str, str]) -> Holds:
    return lambda d: (d.erb, d.ours) in pairs


def _is_of(*kinds: tuple[str, str]) -> Holds:
    return lambda d: _kind(d.our_statement) in kinds


def _all(*conditions: Holds) -> Holds:
    return lambda d: all(holds(d) for holds in conditions)


def _is_shorter_address(difference: Difference) -> bool:
    """Tells whether our address is the beginning of ERB's, or what ERB's relative one leads to."""
    if not _are_texts(difference):
        return False
    erb, ours = unquote(difference.erb), unquote(difference.ours)
    return erb.startswith(ours.rstrip("/")) or ("://" not in erb and ours.endswith(erb.split("?")[0].lstrip("./")))


_SUBMISSION, _ANSWERS = "attempt and points of a submission", "answers to questions"
_COURSE_RUN = "profile, application and course run"
_ATTEMPT = ("assignee", "assignable", "count")
_GRADED, _SUBMITTED = ("GradeEvent", "Graded"), ("AssessmentEvent", "Submitted")
_ENDED, _JUMPED = ("MediaEvent", "Ended"), ("MediaEvent", "JumpedTo")
_TABS = ("current_tab", "tab_count", "target")
_PLACE, _NEW_PLACE = "place in a video", "new place in a video"
_SCORES = tuple(
    f"generated.{name}"
    for name in (
        "attempt", "comment", "extensions", "extensions.success", "id", "maxScore", "score", "scoreGiven", "scoredBy",
        "type",
    )
)  # fmt: skip

RULES = (
    # --- every event
    DepartureRule("id", ("id",), _are_texts),
    DepartureRule(_COURSE_RUN, ("profile", "edApp", "group"), _is_added()),
    DepartureRule(_COURSE_RUN, ("object.type",), _changes(("CourseOffering", "CourseSection"))),
    DepartureRule(_COURSE_RUN, ("object.courseNumber", "object.academicSession"), _is_added()),
    DepartureRule("course of an object", ("object.isPartOf",), lambda d: d.erb is ABSENT and isinstance(d.ours, str)),
    DepartureRule("course of an object", ("object.extensions",), _is_left_out("isPartOf")),
    DepartureRule("course of an object", ("object.extensions.isPartOf",), _is_left_out()),
    DepartureRule("session", ("session.id",), lambda d: _are_texts(d) and d.ours.startswith("urn:uuid:")),
    DepartureRule("session", ("session.user",), _is_added()),
    DepartureRule("transformer version", ("extensions.transformerVersion",), _are_texts),
    # --- enrollment, grades, problems
    DepartureRule("membership", ("membership",), _is_added("Membership")),
    DepartureRule("membership", ("object.extensions",), _is_left_out("mode", "isPartOf")),
    DepartureRule("membership", ("object.extensions.mode",), _is_left_out()),
    DepartureRule("result of a course", ("generated",), _is_added("Result")),
    DepartureRule(_SUBMISSION, ("generated",), _is_added("Attempt")),
    DepartureRule("browser's problem_check", ("object.id",), _all(_is_of(_SUBMITTED), _are_texts)),
    DepartureRule("who grades", ("actor.id", "actor.type"), _all(_is_of(_GRADED), _are_texts)),
    DepartureRule("properties of an attempt", tuple(f"object.{name}" for name in _ATTEMPT), _is_added()),
    DepartureRule("properties of an attempt", ("object.extensions",), _is_left_out(*_ATTEMPT, "isPartOf")),
    DepartureRule("properties of an attempt", tuple(f"object.extensions.{name}" for name in _ATTEMPT), _is_left_out()),
    DepartureRule(
        "score", _SCORES, lambda d: _is_of(_GRADED)(d) and _inner(d.our_statement, "generated", "type") == "Score"
    ),
    DepartureRule("view of an answer or hint", ("type",), _changes(("Event", "ViewEvent"))),
    DepartureRule("view of an answer or hint", ("object.type",), _changes(("Annotation", "DigitalResource"))),
    DepartureRule("view of an answer or hint", ("object.isPartOf",), _is_added("Assessment")),
    # --- videos
    DepartureRule("player that is ready", ("type",), _changes(("MediaEvent", "ViewEvent"))),
    DepartureRule("player that is ready", ("action",), _changes(("Started", "Viewed"))),
    DepartureRule("start of a video", ("action",), _changes(("Resumed", "Started"))),
    DepartureRule("end of a video", ("target", "target.currentTime"), _all(_is_of(_ENDED), _is_added())),
    DepartureRule(_PLACE, ("target.id",), lambda d: d.erb == "_:MediaLocation"),
    DepartureRule(_PLACE, ("target.currentTime",), _is_added()),
    DepartureRule(_PLACE, ("object.duration",), lambda d: d.erb == "P0D" and d.ours is ABSENT),
    DepartureRule(_PLACE, ("target",), _is_left_out("id", "type")),
    DepartureRule(_NEW_PLACE, ("extensions", "extensions.newTime"), _all(_is_of(_JUMPED), _is_added())),
    DepartureRule(_NEW_PLACE, ("target.extensions",), _is_left_out("newTime")),
    DepartureRule(_NEW_PLACE, ("target.extensions.newTime",), _is_left_out()),
    DepartureRule(_NEW_PLACE, ("target",), _all(_is_of(_JUMPED), _is_left_out())),
    DepartureRule(
        "speed", ("extensions.oldSpeed", "extensions.newSpeed"), lambda d: _are_texts(d) and f"{d.erb}x" == d.ours
    ),
    DepartureRule("panels of the player", ("type",), _changes(("MediaEvent", "Event"))),
    DepartureRule(
        "panels of the player", ("action",),
        _changes(("EnabledClosedCaptioning", "Showed"), ("DisabledClosedCaptioning", "Hid")),
    ),
    DepartureRule("panels of the player", ("extensions.panel",), _is_added()),
    # --- navigation
    DepartureRule("WebPage", ("object.type",), _changes(("Webpage", "WebPage"))),
    DepartureRule("page that was left", ("referrer",), _is_added("WebPage")),
    DepartureRule(
        "address of a link", ("object.id",),
        lambda d: d.our_statement.get("type") == "NavigationEvent" and _is_shorter_address(d),
    ),
    DepartureRule("units of a subsection", ("target", "referrer"), _is_added("Frame")),
    DepartureRule("units of a subsection", ("object.extensions",), _is_left_out(*_TABS, "isPartOf")),
    DepartureRule("units of a subsection", tuple(f"object.extensions.{name}" for name in _TABS), _is_left_out()),
    DepartureRule("units of a subsection", ("object.name",), lambda d: d.erb == "Unit" and d.ours is ABSENT),
)  # fmt: skip
