"""Choices: a learner chooses."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as moodle
from ..addresses import activity_address
from .fields import ChosenOptionFields

family = Family("xapi.moodle_choice")


@family.maps(
    r"\mod_choice\event\answer_created", r"\mod_choice\event\answer_submitted",
    reads=ChosenOptionFields, verb=moodle.ANSWERED, activity=v.QUESTION,
)  # fmt: skip
def chosen(answer: ChosenOptionFields, platform: Platform) -> StatementParts:
    """The learner chooses an option."""
    return {
        "object": {"id": activity_address(platform, "choice", answer.cmid)},
        "result": {"response": answer.option_id},
    }
