"""Feedback and surveys: a learner fills in a form."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as moodle
from ..addresses import activity_address
from .fields import FilledFormFields

family = Family("xapi.moodle_feedback")


@family.maps(
    r"\mod_feedback\event\response_submitted",
    reads=FilledFormFields, verb=moodle.SUBMITTED, activity=moodle.SURVEY,
)  # fmt: skip
def feedback_given(form: FilledFormFields, platform: Platform) -> StatementParts:
    """The learner gives feedback, under their name."""
    return {"object": {"id": activity_address(platform, "feedback", form.cmid)}}


@family.maps(
    r"\mod_survey\event\response_submitted",
    reads=FilledFormFields, verb=moodle.SUBMITTED, activity=moodle.SURVEY,
)  # fmt: skip
def survey_answered(form: FilledFormFields, platform: Platform) -> StatementParts:
    """The learner answers a survey."""
    return {"object": {"id": activity_address(platform, "survey", form.cmid)}}
