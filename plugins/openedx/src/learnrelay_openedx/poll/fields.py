"""Polls and surveys. What somebody thinks is read only where `answers` is on: opinions can be sensitive."""

from __future__ import annotations

from learnrelay import Fields, optional, required
from learnrelay.config.fields import Flag, Section, described
from learnrelay.kinds import structure, text

_OPINION = "an opinion of the learner: opinions can be sensitive; read only where `answers` is on"


class AnswerSettings(Section):
    """Declares the settings of the family; ``answers``: whether statements hold what learners answer."""

    answers = Flag(
        load_default=False,
        metadata=described("whether statements hold what learners answer: opinions can be sensitive", "true"),
    )


NO_QUESTIONS = "a questionnaire needs questions, and the event names none"


class ResultsFields(Fields):
    """Declares the block of a poll or a survey, of which somebody sees the results."""

    block_id = required("context.module.usage_key", kind=text)


class PollFields(ResultsFields):
    """Declares a poll or a survey with its title."""

    title = optional("context.module.display_name", kind=text)


class SurveyFields(PollFields):
    """Declares the questions of a survey that were answered, by the course author's codes; answers reach no output."""

    choices = optional(
        "data.choices", kind=structure, example={"pace": "fast"},
        reason="the codes of the questions are read, no answer",
    )  # fmt: skip


class AnsweredPollFields(PollFields):
    """Declares the answer to a poll, by the course author's code."""

    answer = optional("data.choice", kind=text, reason=_OPINION)


class AnsweredSurveyFields(SurveyFields):
    """Declares the answers to a survey, by the course author's codes."""

    choices = optional("data.choices", kind=structure, example={"pace": "fast"}, reason=_OPINION)


def question_codes(survey: SurveyFields) -> list[str]:
    """Returns the codes of the questions that were answered.

    >>> question_codes(SurveyFields(block_id="b", choices={"pace": "fast", "again": "yes"}))
    ['pace', 'again']
    """
    return list(survey.choices) if isinstance(survey.choices, dict) else []


def answer_of(poll: PollFields) -> str | None:
    """Returns the code of the answer to a poll, where the operator lets it out."""
    return poll.answer if isinstance(poll, AnsweredPollFields) else None


def selections_of(poll: PollFields) -> list[str] | None:
    """Returns the codes that were chosen in a poll, which are one, where the operator lets them out."""
    answer = answer_of(poll)
    return None if answer is None else [answer]


def answers_of(survey: PollFields) -> dict[str, str]:
    """Returns the codes of questions with those of the answers, where the operator lets them out.

    >>> answers_of(AnsweredSurveyFields(block_id="b", choices={"pace": "fast", "again": None}))
    {'pace': 'fast'}
    """
    choices = survey.choices if isinstance(survey, AnsweredSurveyFields) else None
    pairs = choices.items() if isinstance(choices, dict) else ()
    return {question: answer for question, answer in pairs if isinstance(answer, str)}


def answer_pairs(survey: PollFields) -> str | None:
    """Writes the codes of questions with those of the answers, where the operator lets them out."""
    pairs = [f"{question}[.]{answer}" for question, answer in answers_of(survey).items()]
    return "[,]".join(pairs) or None
