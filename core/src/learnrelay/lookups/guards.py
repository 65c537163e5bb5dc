"""Calls providers: names them in errors, and spares one that does not answer (ADR 17)."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from ..errors import ProviderError, ProviderUnavailableError, Unavailable
from ..logs import ThrottledLogger
from ..providers import CourseProvider, IdentityProvider, Learner, UserRef

log = logging.getLogger(__name__)
log_throttled = ThrottledLogger(log)

SHORTEST_PAUSE, LONGEST_PAUSE = 1.0, 30.0
"""Seconds for which a provider is not asked after it did not answer: the first time, and at most."""

_DEFECTS = (
    ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, NotImplementedError,
    RecursionError, StopIteration, SyntaxError, TypeError, ValueError,
)  # fmt: skip
"""Exceptions that waiting does not cure. Others, such as OSError and those of libraries, tell that it cannot answer."""

T = TypeVar("T")


class ProviderGuard:
    """Calls one provider for all spaces. Threads may share it (at worst two ask a provider that does not answer).

    Exceptions leave it as ProviderUnavailableError or ProviderError, with the provider's name and the exception's type.
    While a provider is unavailable, it is not asked again before a pause is over, which grows from try to try.
    """

    def __init__(self, provider: str, effect: str, clock: Callable[[], float] = time.monotonic) -> None:
        """``provider``: as messages name it. ``effect``: what becomes of events while it is unavailable."""
        self._provider = provider
        self._effect = effect
        self._clock = clock
        self._failures = 0
        self._paused_until = 0.0
        self._reason = ""

    def call(self, method: Callable[..., T], expected: type | tuple[type, ...], *arguments: Any) -> T:
        """Calls a method of the provider, and checks the type of the answer. Raises ProviderError."""
        if self._failures:
            if self._clock() < self._paused_until:
                raise ProviderUnavailableError(self._reason)
            self._pause()  # other threads do not ask while this one does
        handled = sys.exception()  # of the caller's: the context of what the provider raises
        try:
            answer = method(*arguments)
        except Exception as error:
            name = type(_cause_of(error, handled)).__name__
            if isinstance(error, _DEFECTS) and not isinstance(error, OSError):
                raise self._failed(f"{self._provider} raised {name}") from None
            self._reason = f"{self._provider} is unavailable ({name})"
            if not self._failures:
                log.error("%s: %s until it answers", self._reason, self._effect)
            self._failures += 1
            self._pause()
            raise ProviderUnavailableError(self._reason) from None
        if self._failures:
            self._failures = 0
            log.warning("%s answers again", self._provider)
        if not isinstance(answer, expected):
            raise self._failed(f"{self._provider} gave an unexpected {type(answer).__name__}")
        return answer

    def _pause(self) -> None:
        self._paused_until = self._clock() + min(LONGEST_PAUSE, SHORTEST_PAUSE * 2.0 ** min(self._failures - 1, 10))

    @staticmethod
    def _failed(reason: str) -> ProviderError:
        log_throttled(reason)
        return ProviderError(reason)


def _cause_of(error: Exception, handled: BaseException | None) -> BaseException:
    """Returns what made a provider unavailable: what it says, else what it met itself, else the error."""
    if not isinstance(error, Unavailable):
        return error
    met = None if error.__suppress_context__ or error.__context__ is handled else error.__context__
    return error.__cause__ or met or error


class GuardedIdentity(IdentityProvider):
    """Gives the answers of an identity provider. Its methods raise ProviderError."""

    def __init__(self, name: str, provider: IdentityProvider) -> None:
        self._provider = provider
        self.max_age = provider.max_age
        self._guard = ProviderGuard(f"identity provider {name}", "events wait")

    def learner(self, user: UserRef, space: str) -> Learner | None:
        """Returns the provider's learner."""
        return self._guard.call(self._provider.learner, (Learner, type(None)), user, space)

    def learner_or_retired(self, user: UserRef, space: str) -> Learner | None:
        """Returns the provider's learner, retired or not."""
        return self._guard.call(self._provider.learner_or_retired, (Learner, type(None)), user, space)

    def possible_learners(self, user: UserRef, space: str) -> Sequence[Learner]:
        """Returns the provider's learners under any settings."""
        return self._guard.call(self._provider.possible_learners, Sequence, user, space)

    def digest(self, value: str, space: str) -> str:
        """Returns the provider's digest."""
        return self._guard.call(self._provider.digest, str, value, space)

    def key_id(self) -> str | None:
        """Returns the provider's id of its secret."""
        return self._guard.call(self._provider.key_id, (str, type(None)))


class GuardedCourses(CourseProvider):
    """Gives the answers of a course provider. Its methods raise ProviderError.

    knows_all: whether the provider knows every course, without being asked.
    """

    def __init__(self, name: str, provider: CourseProvider) -> None:
        self._provider = provider
        self.knows_all = type(provider).knows is CourseProvider.knows
        self.max_age = provider.max_age
        self._guard = ProviderGuard(f"course provider {name}", "titles are left out")

    def title(self, course_id: str) -> str | None:
        """Returns the provider's title."""
        return self._guard.call(self._provider.title, (str, type(None)), course_id)

    def language(self, course_id: str) -> str | None:
        """Returns the provider's language of the title."""
        return self._guard.call(self._provider.language, (str, type(None)), course_id)

    def knows(self, course_id: str) -> bool:
        """Returns the provider's answer."""
        return self._guard.call(self._provider.knows, bool, course_id)
