"""Repeats in reasons what a consumer's response contains.

Caught by: standard.answers

Entry point: learnrelay.standards.v1 zoo

Entry point: learnrelay.families.v1 zoo.visits .standard:visits
"""

from learnrelay import Judgement, hookimpl, judge_status

from .standard import Zoo


class Echo(Zoo):
    def judge(self, answer):
        return Judgement(judge_status(answer.status), answer.body.decode("utf-8", "replace")[:300])


@hookimpl
def register_standards(register):
    register(Echo)
