"""Raises with one of its settings.

Caught by: stage.filter

Entry point: learnrelay.filters.v1 carrier_zoo
"""

from learnrelay import Fields, Skip, hookimpl, optional
from learnrelay.config.fields import Flag, Section
from learnrelay.kinds import text


class Settings(Section):
    is_strict = Flag(load_default=False)


settings_schema = Settings


class Mode(Fields):
    mode = optional("data.mode", kind=text, example=("verified", "audit"))


@hookimpl(reads=Mode)
def filter_event(fields, settings):
    if settings["is_strict"]:
        return {"verified": None}[fields.mode]
    return Skip("audit is not reported") if fields.mode == "audit" else None
