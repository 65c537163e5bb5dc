"""Puts values into every place of events, and judges what becomes of them: a valid statement, an error or a skip."""

from __future__ import annotations

import copy
import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from typing import Any

from learnrelay.errors import InvalidFieldError, MissingFieldError, UnreadableEventError
from learnrelay.frames import NOBODY, UNKNOWN_LEARNER
from learnrelay.pipeline.run import OutcomeState, Pipeline
from learnrelay_openedx.addresses import NO_BLOCK as NAMES_NO_BLOCK
from learnrelay_openedx.addresses import NO_PAGE
from learnrelay_openedx.badges.fields import NO_COURSE as BADGE_OF_NO_COURSE
from learnrelay_openedx.completion.fields import TOLD_BY_THE_SERVER
from learnrelay_openedx.course_home.fields import AS_ANOTHER
from learnrelay_openedx.drag_and_drop.fields import IN_THE_BANK
from learnrelay_openedx.forum.fields import SEARCH_FOR_PEOPLE
from learnrelay_openedx.grading.fields import WORK_DELETED
from learnrelay_openedx.navigation.fields import NO_TOOL
from learnrelay_openedx.open_assessment.fields import NOTHING_TO_ASSESS
from learnrelay_openedx.origins import NOT_OF_THE_BLOCK, NOT_THE_SERVER
from learnrelay_openedx.page_views.fields import NOT_SHOWN, OF_A_PROGRAM
from learnrelay_openedx.poll.fields import NO_QUESTIONS
from learnrelay_openedx.problem.fields import NO_BLOCK, NO_COURSE
from learnrelay_openedx.server_search.fields import EVERYWHERE
from learnrelay_openedx.textbook.fields import STEP
from openedx_events import event_from_mapping

REMOVED = object()
IN_PLACE: tuple[Any, ...] = (
    REMOVED, None, "", "some text", " ", '"%\\u00e4 <\U0001f426>\n', 0, -1, 3.5, 1e308, 2**60, True, False,
    [], ["a", None], [[]], {}, {"a": 1}, {"": [{}]},
)  # fmt: skip
REASONS = (
    NOBODY, UNKNOWN_LEARNER, NO_BLOCK.reason, NO_COURSE.reason, NO_PAGE, NOT_THE_SERVER.reason,
    NOT_OF_THE_BLOCK.reason, TOLD_BY_THE_SERVER.reason, STEP.reason, AS_ANOTHER.reason, NO_QUESTIONS,
    NOTHING_TO_ASSESS, SEARCH_FOR_PEOPLE, OF_A_PROGRAM.reason, NOT_SHOWN.reason, BADGE_OF_NO_COURSE, EVERYWHERE.reason,
    NAMES_NO_BLOCK.reason, NO_TOOL.reason, IN_THE_BANK.reason, WORK_DELETED.reason,
)  # fmt: skip

Place = tuple[Any, ...]
"""Keys and positions that lead to a value of an event."""


def places(value: Any, path: Place = ()) -> Iterator[Place]:
    """Yields the places of everything below a value."""
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in members:
        yield (*path, key)
        yield from places(inner, (*path, key))


def put(body: Any, path: Place, value: Any) -> None:
    """Puts a value in a place, or removes what is there; does nothing where the place is gone."""
    try:
        for key in path[:-1]:
            body = body[key]
        if value is REMOVED:
            del body[path[-1]]
        else:
            body[path[-1]] = value
    except (KeyError, IndexError, TypeError):
        return


class Judge(ABC):
    """Runs events, and validates each statement, save those that differ from a valid one in their id only."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.valid: set[str] = set()
        self.states: Counter[OutcomeState] = Counter()

    @abstractmethod
    def shape(self, statement: dict[str, Any]) -> dict[str, Any]:
        """Returns a statement without what cannot make it invalid."""

    @abstractmethod
    def check(self, statement: dict[str, Any], about: Any) -> None:
        """Asserts that a statement is valid."""

    def __call__(self, event: Any, about: Any) -> None:
        try:
            source = event_from_mapping(event)
        except UnreadableEventError:
            return
        (outcome,) = self.pipeline.process(source)
        self.states[outcome.state] += 1
        if outcome.state is OutcomeState.FAILED:
            assert isinstance(outcome.error, (MissingFieldError, InvalidFieldError)), f"{about}: {outcome.error}"
            assert outcome.error.path.startswith(("data.", "context.", "timestamp")), f"{about}: {outcome.error}"
            assert outcome.error.event_name == source.name
        elif outcome.state is OutcomeState.SKIPPED:
            assert outcome.reason in REASONS, about
        for statement in [serialized.parsed for serialized in outcome.statements]:
            key = json.dumps(self.shape(statement))
            if key not in self.valid:
                self.check(statement, about)
                self.valid.add(key)

    def mutate(self, body: dict[str, Any]) -> None:
        """Judges an event, and it with every value in every place of it but its name."""
        self(body, body["name"])
        for path in list(places(body)):
            if path == ("name",):
                continue
            for value in IN_PLACE:
                mutated = copy.deepcopy(body)
                put(mutated, path, value)
                self(mutated, (body["name"], path, value))

    def mutate_all(self, bodies: list[dict[str, Any]]) -> None:
        """Judges all events so, and asserts that most become statements, some fail, and few are skipped."""
        for body in bodies:
            self.mutate(body)
        transformed, failed = self.states[OutcomeState.TRANSFORMED], self.states[OutcomeState.FAILED]
        assert transformed > failed > self.states[OutcomeState.SKIPPED] > 0
