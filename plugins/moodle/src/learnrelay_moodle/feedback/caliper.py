"""Feedback and surveys: a learner fills in a form."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.entities import Attempt
from learnrelay_caliper.parts import EventKind, EventParts

from ..caliper_entities import activity
from .fields import FilledFormFields

family = Family("caliper.moodle_feedback")

SUBMITTED: EventKind = {"type": "QuestionnaireEvent", "action": "Submitted", "profile": "SurveyProfile"}


def filled(module: str, form: FilledFormFields, platform: Platform) -> EventParts:
    """Makes the form, and what the learner made of it."""
    questionnaire = activity(platform, module, form.cmid)
    return {"object": questionnaire, "generated": Attempt(questionnaire["id"])}


@family.maps(r"\mod_feedback\event\response_submitted", reads=FilledFormFields, **SUBMITTED)
def feedback_given(form: FilledFormFields, platform: Platform) -> EventParts:
    """The learner gives feedback, under their name."""
    return filled("feedback", form, platform)


@family.maps(r"\mod_survey\event\response_submitted", reads=FilledFormFields, **SUBMITTED)
def survey_answered(form: FilledFormFields, platform: Platform) -> EventParts:
    """The learner answers a survey."""
    return filled("survey", form, platform)
