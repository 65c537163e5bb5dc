"""What a mapping gets of the platform: addresses and answers, and no way to a provider or a secret."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import pytest

from learnrelay import Learner, UserRef
from learnrelay.config.secrets import Secret
from learnrelay.errors import ProviderError, TransformError
from learnrelay.lookups.courses import NoCourses
from learnrelay.platform import Platform, call_mapping
from learnrelay.providers import CourseProvider, IdentityProvider
from learnrelay.sources import Source
from learnrelay_openedx.source import OpenedxSource


class Directory(IdentityProvider):
    name = "directory"

    def __init__(self) -> None:
        self.secret = Secret("not for mappings")
        self.asked: list[str] = []

    def learner(self, user: UserRef, space: str) -> Learner:
        return Learner(f"{space} {user.user_id}")

    def digest(self, value: str, space: str) -> str:
        self.asked.append(value)
        return f"{space}/{len(value)}"


class Titles(NoCourses):
    def title(self, course_id: str) -> str | None:
        if course_id == "away":
            raise ProviderError("it is away")
        return f"Title of {course_id}"


def platform(**more: Any) -> Platform:
    return Platform("https://learn.example.org", OpenedxSource(), Directory(), Titles({}), "plain", **more)


def reachable(start: object) -> list[object]:
    """Lists what can be reached from an object, without modules and what all processes share."""
    known: dict[int, object] = {}
    todo = [start]
    while todo:
        value = todo.pop()
        if id(value) in known or isinstance(value, (ModuleType, type)):
            continue
        known[id(value)] = value
        todo += [inner for inner in gc.get_referents(value) if inner is not getattr(value, "__globals__", None)]
    return list(known.values())


def test_nothing_that_a_mapping_holds_leads_to_a_provider_or_a_secret() -> None:
    given = []

    def mapping(values: Any, platform: Any) -> Mapping[str, Any]:
        given.append(platform)
        return {"title": platform.course_title("c1"), "key": platform.digest("k1"), "at": platform.iri("poll", "17")}

    whole = platform()
    parts = call_mapping(mapping, None, whole)
    assert parts == {"title": "Title of c1", "key": "plain/2", "at": "https://learn.example.org/poll/17"}
    kinds = (IdentityProvider, CourseProvider, Source, Secret, Platform)
    assert [value for each in given for value in reachable(each) if isinstance(value, kinds)] == []
    assert [value for value in reachable(whole) if isinstance(value, Secret)]  # the search finds it where it is


def test_a_mapping_gets_the_same_answers_as_a_standard() -> None:
    for whole in (platform(), platform(own=True, language="fr"), platform().at("https://other.example.org")):

        def ask(_: Any, given: Any) -> list[Any]:
            return [
                given.root_url, given.home_url, given.language, given.own, given.generation, given.iri("a b", "é?"),
                given.course_iri("course-v1:a+b+c"), given.course_title("c"), given.course_language("c"),
                given.course_parts("course-v1:a+b+c"), given.digest("x"), given.scoped_key("y"),
                given.learner_iri("p"), given.term("session_id"), given.term("other_term"), given.learner(UserRef("7")),
            ]  # fmt: skip

        assert call_mapping(ask, None, whole) == ask(None, whole)


def test_a_call_holds_no_answers_of_another() -> None:
    seen = []

    def ask(value: str, given: Any) -> str:
        seen.append(given)
        return str(given.digest(value))

    whole = platform()
    call_mapping(ask, "first", whole)
    call_mapping(ask, "second", whole)
    assert "first" not in reachable(seen[-1])
    assert len({*seen}) == 1  # equal, so that what a vocabulary caches for one is there for all


def test_what_a_provider_raises_is_not_raised_within_the_mapping() -> None:
    def swallow(_: Any, given: Any) -> Any:
        try:
            return given.learner(UserRef("17"))
        except Exception:  # catches no question, and never sees what the provider raises
            return None

    class Away(Directory):
        def learner(self, user: UserRef, space: str) -> Learner:
            raise ProviderError("it is away")

    with pytest.raises(ProviderError):
        call_mapping(swallow, None, Platform("https://a.example", OpenedxSource(), Away(), Titles({})))
    assert call_mapping(lambda _, given: given.course_title("away"), None, platform()) is None


def test_a_mapping_that_never_ends_asking_fails() -> None:
    numbers = iter(range(10**6))
    with pytest.raises(TransformError, match="more than 500 questions"):
        call_mapping(lambda _, given: given.digest(str(next(numbers))), None, platform())


def test_a_mapping_cannot_ask_for_anything_else() -> None:
    from learnrelay.platform import PlatformQuestion

    def ask(_: Any, given: Any) -> Any:
        raise PlatformQuestion("__class__", None)

    with pytest.raises(ValueError, match="no such answer"):
        call_mapping(ask, None, platform())
    with pytest.raises(AttributeError):
        call_mapping(lambda _, given: given.identity, None, platform())
