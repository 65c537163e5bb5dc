"""Judges an error as success.

Caught by: standard.answers

Entry point: learnrelay.standards.v1 zoo

Entry point: learnrelay.families.v1 zoo.visits .standard:visits
"""

from learnrelay import Judgement, Verdict, hookimpl

from .standard import Zoo


class Careless(Zoo):
    def judge(self, answer):
        return Judgement(Verdict.STORED if answer.status < 503 else Verdict.RETRY)


@hookimpl
def register_standards(register):
    register(Careless)
