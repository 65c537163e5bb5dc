"""A standard that one refused statement brings to a stop.

Caught by: standard.answers

Entry point: learnrelay.standards.v1 zoo

Entry point: learnrelay.families.v1 zoo.visits :visits
"""

import marshmallow

from learnrelay import Family, Fields, Judgement, Request, Standard, Verdict, hookimpl, judge_status, required
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
        return Judgement(Verdict.HALTED if answer.status in (400, 409) else judge_status(answer.status))

    def schema(self):
        return Statement()


class Visit(Fields):
    what = required("data.what", kind=text)


visits = Family("zoo.visits")


@visits.maps("zoo.visited", reads=Visit)
def visited(visit, site):
    """The learner visits."""
    return {"what": visit.what}


@hookimpl
def register_standards(register):
    register(Zoo)
