"""Polls and surveys: answered, and looked at."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from ..addresses import block_iri
from .fields import (
    AnsweredPollFields,
    AnsweredSurveyFields,
    AnswerSettings,
    PollFields,
    ResultsFields,
    answer_of,
    answer_pairs,
)

family = Family("xapi.poll", settings_schema=AnswerSettings)


@family.maps(
    "xblock.poll.submitted",
    reads=PollFields, reads_if={"answers": AnsweredPollFields}, verb=v.ANSWERED, activity=v.INTERACTION,
)  # fmt: skip
def poll_answered(poll: PollFields, platform: Platform) -> StatementParts:
    """The learner answers a poll; the answer stays out unless the operator lets it out."""
    return {
        "object": {
            "id": block_iri(platform, poll.block_id),
            "definition": {"name": activities.text(poll.title, platform), "interactionType": "choice"},
        },
        "result": {"response": answer_of(poll)},
    }


@family.maps(
    "xblock.survey.submitted",
    reads=PollFields, reads_if={"answers": AnsweredSurveyFields}, verb=v.SUBMITTED, activity=v.ASSESSMENT,
)  # fmt: skip
def survey_submitted(survey: PollFields, platform: Platform) -> StatementParts:
    """The learner answers a survey; the answers stay out unless the operator lets them out."""
    return {
        "object": {
            "id": block_iri(platform, survey.block_id),
            "definition": {"name": activities.text(survey.title, platform)},
        },
        "result": {"response": answer_pairs(survey)},
    }


@family.maps(
    "xblock.poll.view_results", "xblock.survey.view_results",
    reads=ResultsFields, verb=v.VIEWED, activity=v.RESOURCE,
)  # fmt: skip
def results_viewed(poll: ResultsFields, platform: Platform) -> StatementParts:
    """The learner sees what all have answered; the page asks for it by itself too."""
    return {"object": {"id": block_iri(platform, poll.block_id, "results")}}
