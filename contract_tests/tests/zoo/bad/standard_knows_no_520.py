"""Halts at unknown server errors.

Caught by: standard.answers

Entry point: learnrelay.standards.v1 zoo

Entry point: learnrelay.families.v1 zoo.visits .standard:visits
"""

from learnrelay import Judgement, Verdict, hookimpl, judge_status

from .standard import Zoo


class Ignorant(Zoo):
    def judge(self, answer):
        return Judgement(Verdict.HALTED if answer.status > 511 else judge_status(answer.status))


@hookimpl
def register_standards(register):
    register(Ignorant)
