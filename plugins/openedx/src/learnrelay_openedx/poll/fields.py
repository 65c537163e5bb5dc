"""Polls and surveys. What somebody thinks is not read: opinions can be sensitive."""

from __future__ import annotations

from learnrelay import Fields, optional, required
from learnrelay.kinds import structure, text

NO_QUESTIONS = "a questionnaire needs questions, and the event names none"


class PollFields(Fields):
    """Declares the block of a poll or a survey, with its title."""

    block_id = required("context.module.usage_key", kind=text)
    title = optional("context.module.display_name", kind=text)


class SurveyFields(PollFields):
    """Declares the questions of a survey that were answered, by the course author's codes; answers reach no output."""

    choices = optional(
        "data.choices", kind=structure, example={"pace": "fast"},
        reason="the codes of the questions are read, no answer",
    )  # fmt: skip


def question_codes(survey: SurveyFields) -> list[str]:
    """Returns the codes of the questions that were answered.

    >>> question_codes(SurveyFields(block_id="b", choices={"pace": "fast", "again": "yes"}))
    ['pace', 'again']
    """
    return list(survey.choices) if isinstance(survey.choices, dict) else []
