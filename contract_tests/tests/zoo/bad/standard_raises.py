"""Raises for a response that is not JSON.

Caught by: standard.answers

Entry point: learnrelay.standards.v1 zoo

Entry point: learnrelay.families.v1 zoo.visits .standard:visits
"""

import json

from learnrelay import Judgement, hookimpl, judge_status

from .standard import Zoo


class Trusting(Zoo):
    def judge(self, answer):
        return Judgement(judge_status(answer.status), json.loads(answer.body).get("message", ""))


@hookimpl
def register_standards(register):
    register(Trusting)
