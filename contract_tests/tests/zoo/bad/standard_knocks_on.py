"""Retries with wrong credentials for ever.

Caught by: standard.answers

Entry point: learnrelay.standards.v1 zoo

Entry point: learnrelay.families.v1 zoo.visits .standard:visits
"""

from learnrelay import Judgement, Verdict, hookimpl, judge_status

from .standard import Zoo


class Stubborn(Zoo):
    def judge(self, answer):
        return Judgement(Verdict.RETRY if answer.status == 403 else judge_status(answer.status))


@hookimpl
def register_standards(register):
    register(Stubborn)
