"""Skips events of modes that the operator lists.

Entry point: learnrelay.filters.v1 carrier_zoo
"""

from learnrelay import Fields, Skip, hookimpl, optional
from learnrelay.config.fields import OneOf, Section
from learnrelay.kinds import text


class Settings(Section):
    unreported = OneOf(["audit", "honor"], load_default="audit")


settings_schema = Settings


class Mode(Fields):
    mode = optional("data.mode", kind=text, example=("verified", "audit"))


@hookimpl(reads=Mode)
def filter_event(fields, settings):
    return Skip("its mode is not reported") if fields.mode == settings["unreported"] else None
