"""A standard whose reasons repeat what a consumer echoes.

Caught by: standard.answers

Entry point: learnrelay.standards.v1 zoo
"""

import marshmallow

from learnrelay import Fields, Judgement, Request, Standard, Verdict, hookimpl, judge_status, required
from learnrelay.config.fields import Section
from learnrelay.kinds import text


class Settings(Section):
    pass


class Statement(marshmallow.Schema):
    id = marshmallow.fields.String(required=True)


class Common(Fields):
    name = required("name", kind=text)


class Zoo(Standard):
    name = "zoo"
    common = Common
    settings_schema = Settings

    def composer(self, transformer, site):
        return lambda common, said: [said]

    def encode(self, batch, now):
        return Request(b"[" + b",".join(batch) + b"]", {"Content-Type": "application/json"})

    def judge(self, answer):
        return Judgement(judge_status(answer.status), answer.body.decode("utf-8", "replace")[:300])

    def schema(self):
        return Statement()


@hookimpl
def register_standards(register):
    register(Zoo)
