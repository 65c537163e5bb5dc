"""Gives mappings and standards the addresses, titles of courses and digests of a platform.

A standard gets a `Platform`, which asks the providers. A mapping gets a `MappingPlatform`: it looks the same and holds
no provider, and so no way to a secret.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar
from urllib.parse import quote

from .caching import cached, gap_mark, note_gap
from .config.fields import UNKNOWN_LANGUAGE
from .errors import InvalidFieldError, ProviderError, TransformError
from .kinds import LONGEST_ID
from .providers import CourseProvider, IdentityProvider, Learner, UserRef
from .sources import CourseParts, Source

_LONGEST_NAMED = 8 * LONGEST_ID  # characters of an address, such as a key of a block that holds that of its course

K = TypeVar("K")
V = TypeVar("V")

_ASCII_IN_A_PATH = bytes(code for code in range(0x21, 0x7F) if code not in b'"#%<>?[\\]^`{|}')
"""What may stand there of ASCII: to take it all away is quicker than a search."""

_NO_CHARACTERS = "".join(f"\\U{plane:04x}fffe-\\U{plane:04x}ffff" for plane in range(1, 14))
_NOT_IN_A_PATH = re.compile(
    r'[\x00-\x20"#%<>?\[\\\]^`{|}\x7f-\xa0\ud800-\uf8ff\ufdd0-\ufdef\ufff0-\uffff\U000e0000-\U0010ffff'
    + r"\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
    + _NO_CHARACTERS
    + "]"
)


@dataclass(frozen=True, eq=False)  # compared by identity, so that it is a cheap key
class Platform:
    """Gives addresses, titles and digests in one pseudonym space.

    root_url: without a slash at the end; that of a site, where the platform has several. home_url: that of the platform
    itself, to which accounts, applications and terms belong. space: name of the pseudonym space. own: whether it is the
    space of one destination; e-mail addresses would join it to the others and are left out. language: that of the texts
    that authors and learners write, as a language tag (RFC 5646).
    """

    root_url: str
    source: Source = field(repr=False)
    identity: IdentityProvider = field(repr=False)
    courses: CourseProvider = field(repr=False)
    space: str = ""
    own: bool = False
    language: str = UNKNOWN_LANGUAGE
    home_url: str = ""

    def __post_init__(self) -> None:
        """Puts caches before the look-ups."""
        self._set(
            {
                "home_url": self.home_url or self.root_url,
                "_iri": cached(self._address),
                "course_iri": cached(self._course_address),
                "digest": cached(lambda value: self.identity.digest(value, self.space)),
            }
        )
        self.renew_answers()

    _iri: Callable[[tuple[str, ...]], str] = field(init=False, repr=False)
    course_iri: Callable[[str], str] = field(init=False, repr=False)
    learner: Callable[[UserRef], Learner | None] = field(init=False, repr=False)
    digest: Callable[[str], str] = field(init=False, repr=False)
    _title: Callable[[str], str | None] = field(init=False, repr=False)
    _language: Callable[[str], str | None] = field(init=False, repr=False)
    for_mappings: MappingPlatform = field(init=False, repr=False)
    """What mappings get in its place: it has no answers yet."""
    generation: int = field(init=False, repr=False, default=0)
    """Number of the present answers of the providers; what was made of those before does not count any more."""

    def at(self, root_url: str) -> Platform:
        """Returns the platform with the address of one of its sites."""
        return replace(self, root_url=root_url)

    def renew_answers(self) -> None:
        """Has the providers asked anew about learners, titles and languages."""
        self._set(
            {
                "learner": cached(self._learner),
                "_title": cached(lambda course_id: self._noted(self.courses.title(course_id))),
                "_language": cached(lambda course_id: self._noted(self.courses.language(course_id))),
                "generation": self.generation + 1,
            }
        )
        self._set({"for_mappings": MappingPlatform._without_answers(self)})

    def answer(self, question: PlatformQuestion) -> PlatformAnswer:
        """Answers what a mapping asks its `MappingPlatform`. Raises ProviderError."""
        if question.name not in QUESTIONS:
            raise ValueError("a platform has no such answer")
        mark = gap_mark()
        value = getattr(self, question.name)(question.key)
        return PlatformAnswer(value, lacks_something=mark is not gap_mark())

    def cached(self, describe: Callable[[K], V]) -> Callable[[K], V]:
        """Caches what a function makes of answers of the providers, until these are renewed."""

        @cached
        def known(key_and_generation: tuple[K, int]) -> V:
            return describe(key_and_generation[0])

        return lambda key: known((key, self.generation))

    def _set(self, attributes: Mapping[str, Any]) -> None:
        for name, value in attributes.items():
            object.__setattr__(self, name, value)

    def course_title(self, course_id: str) -> str | None:
        """Returns the title of a course; None where the course provider knows none, or does not answer now."""
        try:
            return self._title(course_id)
        except ProviderError:
            note_gap()
            return None

    def course_language(self, course_id: str) -> str:
        """Returns the language of a course's title; that of the platform where the course provider knows none."""
        try:
            return self._language(course_id) or self.language
        except ProviderError:
            note_gap()
            return self.language

    def _noted(self, text: str | None) -> str | None:
        if text is None and self.courses.max_age is not None:
            note_gap()
        return text

    def _learner(self, user: UserRef) -> Learner | None:
        learner = self._in_space(self.identity.learner(user, self.space))
        if learner is None and self.identity.max_age is not None:
            note_gap()
        return learner

    def learner_or_retired(self, user: UserRef) -> Learner | None:
        """Returns the learner for a user, retired or not."""
        return self._in_space(self.identity.learner_or_retired(user, self.space))

    def _in_space(self, learner: Learner | None) -> Learner | None:
        return Learner(learner.pseudonym) if learner is not None and self.own else learner

    def scoped_key(self, key: str) -> str:
        """Digests the key of something that a learner made, when the destination has its own pseudonyms.

        By the key itself (of an attempt, of a contribution to a forum) records could be joined.
        """
        return self.digest(key) if self.own else key

    def iri(self, *parts: str) -> str:
        """Returns an address under the platform's root: the parts joined by ``/``.

        Percent-encodes what may not stand in the path of an IRI (RFC 3987, 2.2), and white space of other scripts,
        which RFC 3987 allows and many receivers refuse. Other scripts stay as they are. Raises InvalidFieldError where
        they are longer together than any id.
        """
        return self._iri(parts)

    def learner_iri(self, pseudonym: str) -> str:
        """Returns the address that stands for a learner, the same on all sites."""
        return f"{self.home_url}/user/{_quoted(pseudonym)}"

    def term(self, name: str) -> str:
        """Returns the address of an extension that every statement has: ``session_id``, ``transformer_version``."""
        return self.source.terms.get(name) or f"{self.home_url}/extension/{name.replace('_', '-')}"

    def course_parts(self, course_id: str) -> CourseParts:
        """Splits a course key into the parts that people use."""
        return self.source.course_parts(course_id)

    def _address(self, parts: tuple[str, ...]) -> str:
        return _join_address(self.root_url, parts)

    def _course_address(self, course_id: str) -> str:
        return f"{self.root_url}/{self.source.course_address.format(_quoted(course_id))}"


QUESTIONS = frozenset({"learner", "digest", "course_title", "course_language", "course_parts"})
"""What only providers and the source know: methods of a platform with one argument."""

MOST_QUESTIONS = 500
"""Different questions that a mapping may ask about one event."""


class PlatformAnswer(NamedTuple):
    """Holds an answer, and whether it lacks something that may be there a moment later."""

    value: Any
    lacks_something: bool


class PlatformQuestion(BaseException):
    """Ends a call of a mapping that asks for what is not known yet: the core asks the provider, and calls it again."""

    def __init__(self, name: str, key: Any) -> None:
        super().__init__()
        self.name, self.key = name, key


@dataclass(frozen=True, eq=False)
class MappingPlatform:
    """Is what a mapping gets as its `Platform`: texts, and the answers to what this call has asked. It has no provider.

    A question without an answer ends the call by a `PlatformQuestion`; the mapping is then called again with a platform
    that has the answer. So nothing that a mapping holds leads to a provider, its settings or a secret, nor to what
    other events asked. Those of one platform are equal, so that a cache may have them as keys.
    """

    root_url: str
    home_url: str
    language: str
    own: bool
    generation: int
    _course_template: str = field(repr=False)
    _terms: Mapping[str, str] = field(repr=False)
    _key: object = field(repr=False)
    _answers: Mapping[tuple[str, Any], PlatformAnswer] = field(repr=False)

    @classmethod
    def _without_answers(cls, platform: Platform) -> MappingPlatform:
        source = platform.source
        return cls(
            platform.root_url, platform.home_url, platform.language, platform.own, platform.generation,
            source.course_address, MappingProxyType(dict(source.terms)), object(), MappingProxyType({}),
        )  # fmt: skip

    def with_answer(self, question: PlatformQuestion, answer: PlatformAnswer) -> MappingPlatform:
        """Returns one that has a further answer."""
        answers = {**self._answers, (question.name, question.key): answer}
        return replace(self, _answers=MappingProxyType(answers))

    def __eq__(self, other: object) -> bool:
        """Compares the platforms that they stand for."""
        return isinstance(other, MappingPlatform) and self._key is other._key

    def __hash__(self) -> int:
        """Hashes the platform that it stands for."""
        return id(self._key)

    def _ask(self, name: str, key: Any) -> Any:
        answer = self._answers.get((name, key))
        if answer is None:
            raise PlatformQuestion(name, key)
        if answer.lacks_something:
            note_gap()
        return answer.value

    def learner(self, user: UserRef) -> Learner | None:
        """Returns the learner for a user."""
        learner: Learner | None = self._ask("learner", user)
        return learner

    def digest(self, value: str) -> str:
        """Returns the digest of a value in the pseudonym space."""
        digest: str = self._ask("digest", value)
        return digest

    def course_title(self, course_id: str) -> str | None:
        """Returns the title of a course; None where the course provider knows none, or does not answer now."""
        title: str | None = self._ask("course_title", course_id)
        return title

    def course_language(self, course_id: str) -> str:
        """Returns the language of a course's title; that of the platform where the course provider knows none."""
        language: str = self._ask("course_language", course_id)
        return language

    def course_parts(self, course_id: str) -> CourseParts:
        """Splits a course key into the parts that people use."""
        parts: CourseParts = self._ask("course_parts", course_id)
        return parts

    def scoped_key(self, key: str) -> str:
        """Digests the key of something that a learner made, when the destination has its own pseudonyms."""
        return self.digest(key) if self.own else key

    def iri(self, *parts: str) -> str:
        """Returns an address under the platform's root, as `Platform.iri`."""
        return _join_address(self.root_url, parts)

    def course_iri(self, course_id: str) -> str:
        """Returns the address of a course."""
        return f"{self.root_url}/{self._course_template.format(_quoted(course_id))}"

    def learner_iri(self, pseudonym: str) -> str:
        """Returns the address that stands for a learner, the same on all sites."""
        return f"{self.home_url}/user/{_quoted(pseudonym)}"

    def term(self, name: str) -> str:
        """Returns the address of an extension that every statement has."""
        return self._terms.get(name) or f"{self.home_url}/extension/{name.replace('_', '-')}"


def call_mapping(function: Callable[..., V], values: Any, platform: Platform) -> V:
    """Calls a mapping with declared values and what it may have of a platform. Raises what it and providers raise."""
    given = platform.for_mappings
    for _ in range(MOST_QUESTIONS):
        try:
            return function(values, given)
        except PlatformQuestion as question:
            asked = question.with_traceback(None)
        given = given.with_answer(asked, platform.answer(asked))
    raise TransformError(f"the mapping asks its platform more than {MOST_QUESTIONS} questions about one event")


def _join_address(root_url: str, parts: tuple[str, ...]) -> str:
    return f"{root_url}/{_quoted('/'.join(parts))}"


@cached  # most events name what earlier ones have named
def _quoted(path: str) -> str:
    if len(path) > _LONGEST_NAMED:
        raise InvalidFieldError(f"an id of more than {_LONGEST_NAMED:,} characters: no platform makes one")
    if path.isascii() and not path.encode().translate(None, _ASCII_IN_A_PATH):
        return path
    return _NOT_IN_A_PATH.sub(lambda match: quote(match[0], safe=""), path)
