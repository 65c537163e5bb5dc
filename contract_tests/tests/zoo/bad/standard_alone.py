"""A standard of which nothing is installed that speaks it: there is no event to check it with.

Caught by: standard.composed

Entry point: learnrelay.standards.v1 zoo
"""

import marshmallow

from learnrelay import Fields, Judgement, Request, Standard, hookimpl, judge_status, required
from learnrelay.config.fields import Section
from learnrelay.kinds import text


class Settings(Section):
    pass


class Statement(marshmallow.Schema):
    id = marshmallow.fields.String(required=True)
    at = marshmallow.fields.String(required=True)
    more = marshmallow.fields.Dict()


class Common(Fields):
    when = required("timestamp", kind=text)


class Zoo(Standard):
    name = "zoo"
    common = Common
    settings_schema = Settings

    def composer(self, transformer, site):
        return lambda common, said: [{"id": f"{said['what']} {common.when}", "at": common.when, "more": said}]

    def encode(self, batch, now):
        return Request(b"[" + b",".join(batch) + b"]", {"Content-Type": "application/json"})

    def judge(self, answer):
        return Judgement(judge_status(answer.status))

    def schema(self):
        return Statement()


@hookimpl
def register_standards(register):
    register(Zoo)
