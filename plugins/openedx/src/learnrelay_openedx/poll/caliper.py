"""Polls and surveys: answered, and looked at."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper.entities import Attempt, Response
from learnrelay_caliper.parts import EventKind, EventParts

from ..addresses import block_iri
from .fields import (
    NO_QUESTIONS,
    AnsweredPollFields,
    AnsweredSurveyFields,
    AnswerSettings,
    PollFields,
    ResultsFields,
    SurveyFields,
    answers_of,
    question_codes,
    selections_of,
)

family = Family("caliper.poll", settings_schema=AnswerSettings)

ITEM: EventKind = {"type": "QuestionnaireItemEvent", "action": "Completed", "profile": "SurveyProfile"}
SUBMITTED: EventKind = {"type": "QuestionnaireEvent", "action": "Submitted", "profile": "SurveyProfile"}
READ: EventKind = {"type": "ViewEvent", "action": "Viewed", "profile": "ReadingProfile"}


@family.maps("xblock.poll.submitted", reads=PollFields, reads_if={"answers": AnsweredPollFields}, **ITEM)
def poll_answered(poll: PollFields, platform: Platform) -> EventParts:
    """The learner answers a poll; the answer stays out unless the operator lets it out."""
    iri = block_iri(platform, poll.block_id)
    return {
        "object": {"id": iri, "type": "QuestionnaireItem", "name": poll.title},
        "generated": Response(Attempt(iri), "MultiselectResponse", selections=selections_of(poll)),
    }


@family.maps("xblock.survey.submitted", reads=SurveyFields, reads_if={"answers": AnsweredSurveyFields}, **SUBMITTED)
def survey_submitted(survey: SurveyFields, platform: Platform) -> EventParts | Skip:
    """The learner answers a survey; the answers stay out unless the operator lets them out."""
    iri = block_iri(platform, survey.block_id)
    items = [block_iri(platform, survey.block_id, "question", code) for code in question_codes(survey)]
    if not items:
        return Skip(NO_QUESTIONS)
    return {
        "object": {"id": iri, "type": "Questionnaire", "name": survey.title, "items": items},
        "generated": Attempt(iri),
        "extensions": {"answers": answers_of(survey)},
    }


@family.maps("xblock.poll.view_results", "xblock.survey.view_results", reads=ResultsFields, **READ)
def results_viewed(poll: ResultsFields, platform: Platform) -> EventParts:
    """The learner sees what all have answered; the page asks for it by itself too."""
    return {"object": {"id": block_iri(platform, poll.block_id, "results"), "type": "DigitalResource"}}
