"""Polls and surveys: answered, and looked at."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper.entities import Attempt, Response
from learnrelay_caliper.parts import EventKind, EventParts

from ..addresses import block_iri
from .fields import NO_QUESTIONS, PollFields, SurveyFields, question_codes

family = Family("caliper.poll")

ITEM: EventKind = {"type": "QuestionnaireItemEvent", "action": "Completed", "profile": "SurveyProfile"}
SUBMITTED: EventKind = {"type": "QuestionnaireEvent", "action": "Submitted", "profile": "SurveyProfile"}
READ: EventKind = {"type": "ViewEvent", "action": "Viewed", "profile": "ReadingProfile"}


@family.maps("xblock.poll.submitted", reads=PollFields, **ITEM)
def poll_answered(poll: PollFields, platform: Platform) -> EventParts:
    """The learner answers a poll; the answer is left out."""
    iri = block_iri(platform, poll.block_id)
    return {
        "object": {"id": iri, "type": "QuestionnaireItem", "name": poll.title},
        "generated": Response(Attempt(iri), "MultiselectResponse"),
    }


@family.maps("xblock.survey.submitted", reads=SurveyFields, **SUBMITTED)
def survey_submitted(survey: SurveyFields, platform: Platform) -> EventParts | Skip:
    """The learner answers a survey; the answers are left out."""
    iri = block_iri(platform, survey.block_id)
    items = [block_iri(platform, survey.block_id, "question", code) for code in question_codes(survey)]
    if not items:
        return Skip(NO_QUESTIONS)
    return {
        "object": {"id": iri, "type": "Questionnaire", "name": survey.title, "items": items},
        "generated": Attempt(iri),
    }


@family.maps("xblock.poll.view_results", "xblock.survey.view_results", reads=PollFields, **READ)
def results_viewed(poll: PollFields, platform: Platform) -> EventParts:
    """The learner sees what all have answered; the page asks for it by itself too."""
    return {"object": {"id": block_iri(platform, poll.block_id, "results"), "type": "DigitalResource"}}
