"""Choices: a learner chooses."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.entities import Attempt, Response
from learnrelay_caliper.parts import EventParts

from ..addresses import activity_address
from ..caliper_entities import question_address
from .fields import ChosenOptionFields

family = Family("caliper.moodle_choice")


@family.maps(
    r"\mod_choice\event\answer_created", r"\mod_choice\event\answer_submitted",
    reads=ChosenOptionFields, type="QuestionnaireItemEvent", action="Completed", profile="SurveyProfile",
)  # fmt: skip
def chosen(answer: ChosenOptionFields, platform: Platform) -> EventParts:
    """The learner chooses an option of the only question."""
    question = question_address(activity_address(platform, "choice", answer.cmid))
    return {
        "object": {"id": question, "type": "QuestionnaireItem"},
        "generated": Response(Attempt(question), "MultipleChoiceResponse", value=answer.option_id),
    }
