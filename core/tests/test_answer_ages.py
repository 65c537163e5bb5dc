"""Answers of providers that grow old: learners, titles and their languages are asked for again, and made anew."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from learnrelay import CourseProvider, Family, Fields, IdentityProvider, Learner, Parts, Platform, UserRef, required
from learnrelay.config.fields import Section
from learnrelay.kinds import text
from learnrelay.lookups.guards import GuardedCourses, GuardedIdentity
from learnrelay.mapping import Transformer
from learnrelay.pipeline.plan import compile_plan, transform_table
from learnrelay.pipeline.run import Pipeline
from learnrelay.standards import Prepare
from learnrelay_openedx.source import OpenedxSource
from openedx_events import event_from_mapping
from plain import PlainStandard, event, registry_of

LONG = 1000.0


class Directory(IdentityProvider):
    """Knows learners as long as they stand in it."""

    name = "directory"
    settings_schema = Section
    learners: ClassVar[dict[str, str]] = {}

    def __init__(self, max_age: float | None) -> None:
        self.max_age = max_age
        self.learners.clear()

    def learner(self, user: UserRef, space: str) -> Learner | None:
        named = self.learners.get(user.user_id or "")
        return Learner(named) if named else None

    def digest(self, value: str, space: str) -> str:
        return value


class Catalogue(CourseProvider):
    """Has one title for all courses."""

    name = "catalogue"
    settings_schema = Section

    def __init__(self, max_age: float | None) -> None:
        self.max_age = max_age
        self.current: tuple[str | None, str | None] = ("Sailing", "en")

    def title(self, course_id: str) -> str | None:
        return self.current[0]

    def language(self, course_id: str) -> str | None:
        return self.current[1]


class CourseFields(Fields):
    course = required("context.course_id", kind=text)


titled = Family("plain.titled")


@titled.maps("titled", reads=CourseFields, did="open")
def open_course(fields: CourseFields, platform: Platform) -> Parts:
    return {"title": platform.course_title(fields.course), "language": platform.course_language(fields.course)}


class PreparedStandard(PlainStandard):
    """Prepares parts, so that results of mappings are cached."""

    def preparer(self, transformer: Transformer, platform: Platform) -> Prepare:
        return lambda parts: parts


def pipeline(identity: IdentityProvider, courses: CourseProvider) -> Pipeline:
    registry = registry_of(("plain.titled", "families", titled))
    table, _ = transform_table(registry, {}, "relay.toml")
    learners, titles = GuardedIdentity("directory", identity), GuardedCourses("catalogue", courses)
    platform = Platform("https://learn.example.org", OpenedxSource(), learners, titles, "plain", language="und")
    standards = {"plain": PreparedStandard({"style": "short"})}
    return Pipeline(compile_plan(registry, table, standards, {"plain": platform}, {"plain": []}))


def said(made: Pipeline) -> Any:
    (outcome,) = made.process(event_from_mapping(event("titled")))
    return [{k: s.parsed[k] for k in ("who", "title", "language")} for s in outcome.statements] or outcome.reason


@pytest.fixture
def pass_time(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Returns a function that moves the clock of pipelines."""
    now = [0.0]
    monkeypatch.setattr("learnrelay.pipeline.run.time.monotonic", lambda: now[0])

    def advance(seconds: float) -> None:
        now[0] += seconds

    return advance


def test_old_answers_are_asked_for_again(pass_time: Callable[[float], None]) -> None:
    directory, catalogue = Directory(LONG), Catalogue(LONG)
    made = pipeline(directory, catalogue)
    directory.learners["4711"] = "A"
    before = [{"who": "A", "title": "Sailing", "language": "en"}]
    assert said(made) == before
    directory.learners["4711"], catalogue.current = "B", ("Segeln", None)
    pass_time(LONG - 1)
    assert said(made) == before
    pass_time(2)
    assert said(made) == [{"who": "B", "title": "Segeln", "language": "und"}]
    directory.learners.clear()
    assert said(made) != "the identity provider does not know the learner"
    pass_time(LONG + 1)
    assert said(made) == "the identity provider does not know the learner"


def test_the_shorter_age_counts_for_both(pass_time: Callable[[float], None]) -> None:
    directory, catalogue = Directory(None), Catalogue(5)
    made = pipeline(directory, catalogue)
    directory.learners["4711"] = "A"
    said(made)
    catalogue.current = ("Segeln", "de")
    pass_time(6)
    assert said(made) == [{"who": "A", "title": "Segeln", "language": "de"}]


def test_what_is_unknown_is_asked_for_again_at_once_where_answers_grow_old(pass_time: Callable[[float], None]) -> None:
    directory, catalogue = Directory(LONG), Catalogue(LONG)
    made = pipeline(directory, catalogue)
    catalogue.current = (None, None)
    assert said(made) == "the identity provider does not know the learner"
    directory.learners["4711"] = "A"
    assert said(made) == [{"who": "A", "title": None, "language": "und"}]
    catalogue.current = ("Sailing", "en")
    assert said(made) == [{"who": "A", "title": "Sailing", "language": "en"}]


def test_answers_without_an_age_count_as_long_as_the_process(pass_time: Callable[[float], None]) -> None:
    directory, catalogue = Directory(None), Catalogue(None)
    made = pipeline(directory, catalogue)
    assert said(made) == "the identity provider does not know the learner"
    directory.learners["4711"] = "A"
    pass_time(10**9)
    assert said(made) == "the identity provider does not know the learner"
