"""Defines a small standard with a family.

Entry point: learnrelay.standards.v1 zoo

Entry point: learnrelay.families.v1 zoo.visits :visits
"""

import marshmallow

from learnrelay import Family, Fields, Judgement, Request, Standard, hookimpl, judge_status, required
from learnrelay.config.fields import Section
from learnrelay.kinds import text


class Settings(Section):
    pass


class Statement(marshmallow.Schema):
    id = marshmallow.fields.String(required=True)
    at = marshmallow.fields.String(required=True)
    who = marshmallow.fields.String(required=True)
    more = marshmallow.fields.Dict()


class Zoo(Standard):
    name = "zoo"
    settings_schema = Settings

    def framer(self, platform):
        return lambda learner, who, course_id, session: learner.pseudonym

    def composer(self, transformer, platform, event):
        return lambda facts, who, parts: [self.compose(facts.time_text, who, parts)]

    @staticmethod
    def compose(at, who, parts):
        return {"id": f"{parts['what']} {who} {at}", "at": at, "who": who, "more": parts}

    def encode(self, batch, now):
        return Request(b"[" + b",".join(batch) + b"]", {"Content-Type": "application/json"})

    def judge(self, answer):
        return Judgement(judge_status(answer.status))

    def learners(self, statement):
        return [statement["who"]]

    def schema(self):
        return Statement()


class Visit(Fields):
    what = required("data.what", kind=text)


visits = Family("zoo.visits")


@visits.maps("zoo.visited", reads=Visit)
def visited(visit, platform):
    """The learner visits."""
    return {"what": visit.what}


@hookimpl
def register_standards(register):
    register(Zoo)
