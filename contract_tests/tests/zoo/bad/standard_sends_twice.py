"""Retries what the consumer has stored, if the response has a body.

Caught by: standard.answers

Entry point: learnrelay.standards.v1 zoo

Entry point: learnrelay.families.v1 zoo.visits .standard:visits
"""

from learnrelay import Judgement, Verdict, hookimpl, judge_status

from .standard import Zoo


class Deaf(Zoo):
    def judge(self, answer):
        return Judgement(Verdict.RETRY if answer.status == 200 and answer.body else judge_status(answer.status))


@hookimpl
def register_standards(register):
    register(Deaf)
