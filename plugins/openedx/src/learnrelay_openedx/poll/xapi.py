"""Polls and surveys: answered, and looked at."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from ..addresses import block_iri
from .fields import PollFields

family = Family("xapi.poll")


@family.maps("xblock.poll.submitted", reads=PollFields, verb=v.ANSWERED, activity=v.INTERACTION)
def poll_answered(poll: PollFields, platform: Platform) -> StatementParts:
    """The learner answers a poll; the answer is left out."""
    return {
        "object": {
            "id": block_iri(platform, poll.block_id),
            "definition": {"name": activities.text(poll.title, platform), "interactionType": "choice"},
        }
    }


@family.maps("xblock.survey.submitted", reads=PollFields, verb=v.SUBMITTED, activity=v.ASSESSMENT)
def survey_submitted(survey: PollFields, platform: Platform) -> StatementParts:
    """The learner answers a survey; the answers are left out."""
    return {
        "object": {
            "id": block_iri(platform, survey.block_id),
            "definition": {"name": activities.text(survey.title, platform)},
        }
    }


@family.maps(
    "xblock.poll.view_results", "xblock.survey.view_results",
    reads=PollFields, verb=v.VIEWED, activity=v.RESOURCE,
)  # fmt: skip
def results_viewed(poll: PollFields, platform: Platform) -> StatementParts:
    """The learner sees what all have answered; the page asks for it by itself too."""
    return {"object": {"id": block_iri(platform, poll.block_id, "results")}}
