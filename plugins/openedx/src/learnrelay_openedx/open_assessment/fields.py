"""Open assessments: work that learners hand in and that they, their peers and staff assess.

Answers, feedback and names of files are read only where `texts` is on.
"""

from __future__ import annotations

from collections.abc import Sequence

from learnrelay import Fields, Platform, each, optional, required
from learnrelay.kinds import count, number, scalars, structure, text, uuid

from ..addresses import block_iri
from ..free_texts import FREE_TEXT
from ..keys import handled_block

_SUBMISSION = "says which work is meant; in a destination's own pseudonym space only as a digest"

NOTHING_TO_ASSESS = "there was no submission to assess"


class UntitledFields(Fields):
    """Declares the block of the assessment; lines of 2014 have it in the payload or the path alone, or nowhere."""

    block_id = optional(
        "context.module.usage_key", "data.item_id", "context.path", kind=handled_block,
        reason="of a path only the key of the block to whose handler the request went",
        example=(
            "block-v1:Harbour+SAIL+2026+type@openassessment+block@essay",
            "/courses/Harbour/SAIL/2014/xblock/i4x:;_;_Harbour;_SAIL;_openassessment;_essay/handler/peer_assess",
        ),
    )  # fmt: skip


class AssignmentFields(UntitledFields):
    """Declares the block of the assessment, and the title of the assignment."""

    title = optional("context.module.display_name", kind=text)


class WorkFields(AssignmentFields):
    """Declares the work that is handed in; ``attempt_number`` counts from 1."""

    submission = optional("data.submission_uuid", kind=uuid, reason=_SUBMISSION)
    attempt_number = optional("data.attempt_number", kind=count, example=1)


class TeamWorkFields(WorkFields):
    """Declares the work of a team; the id of the team begins with its name."""

    team = optional("data.team_id", kind=text, reason="published only as a keyed digest")


class AnswerPart(Fields):
    """Declares the text of one part of an answer."""

    text = optional("text", kind=text, reason=FREE_TEXT)


class WrittenWorkFields(WorkFields):
    """Declares the work that is handed in, with its texts and the names of its files."""

    parts = each("data.answer.parts", AnswerPart)
    file_names = optional(
        "data.answer.files_names", "data.answer.files_name", kind=scalars, reason=FREE_TEXT,
        example=["essay of mira.pdf"],
    )  # fmt: skip


class WrittenTeamWorkFields(TeamWorkFields, WrittenWorkFields):
    """Declares the work of a team, with its texts."""


class PeerWorkFields(AssignmentFields):
    """Declares the work that a learner gets to assess; absent where none was left."""

    submission = optional("data.submission_returned_uuid", kind=uuid, reason=_SUBMISSION)


class ChosenOption(Fields):
    """Declares the option that was chosen for a criterion; a criterion for feedback alone has no options."""

    option = optional("option.name", "option", kind=text)


class CriterionPoints(ChosenOption):
    """Declares the option that was chosen for a criterion, and its points; older events name the option alone."""

    most = optional("criterion.points_possible", kind=number)
    points = optional("option.points", kind=number)


class Criterion(CriterionPoints):
    """Declares one criterion of the rubric and the chosen option."""

    name = optional("criterion.name", kind=text, reason="the course team's name of a criterion")


class AssessedFields(AssignmentFields):
    """Declares the work that is assessed."""

    submission = required("data.submission_uuid", kind=uuid, reason=_SUBMISSION)


class RatingFields(AssessedFields):
    """Declares the options that were chosen in an assessment."""

    criteria = each("data.parts", ChosenOption)


class ScoreFields(AssessedFields):
    """Declares the points of an assessment."""

    criteria = each("data.parts", CriterionPoints)


class AssessmentFields(AssessedFields):
    """Declares an assessment of a work by the course team's rubric."""

    criteria = each("data.parts", Criterion)


class FeedbackFields(AssignmentFields):
    """Declares what a learner says of the assessments; ``options`` are the labels of the ticked boxes."""

    options = optional("data.options", kind=scalars)


class WrittenFeedbackFields(FeedbackFields):
    """Declares what a learner says of the assessments, in words too."""

    words = optional("data.feedback_text", kind=text, reason=FREE_TEXT)


class TrainingFields(UntitledFields):
    """Declares that the learner assesses an example of the course team, which the event does not name, for practice.

    ``submission`` is the learner's own work, with which the practice belongs.
    """

    submission = required("data.submission_uuid", kind=uuid, reason=_SUBMISSION)
    corrections = optional(
        "data.corrections", kind=structure, example={"Evidence": "Fair"},
        reason="whether there are any: criteria for which the learner chose another option than the course team",
    )  # fmt: skip


class TitledTrainingFields(TrainingFields, AssignmentFields):
    """Declares that the learner assesses an example, with the title of the assignment."""


class UploadFields(Fields):
    """Declares a file that a browser uploads for an answer: the page, for no block is named; size in bytes."""

    page = required("context.page", kind=text, reason="the page is the object, without what may name or admit somebody")
    size = optional("data.fileSize", kind=count)
    media_type = optional("data.fileType", kind=text)


class NamedUploadFields(UploadFields):
    """Declares a file that is uploaded, with its name."""

    file_name = optional("data.fileName", kind=text, reason=FREE_TEXT)


def submission_iri(block_id: str, submission: str, platform: Platform) -> str:
    """The address of a work that was handed in."""
    return block_iri(platform, block_id, "submission", platform.scoped_key(submission))


def options_of(criteria: Sequence[ChosenOption]) -> list[str]:
    """The options that were chosen, in the order of the rubric."""
    return [criterion.option for criterion in criteria if criterion.option is not None]


def points_of(criteria: Sequence[CriterionPoints]) -> tuple[float, float | None] | None:
    """The sum of points, and the most that there are where all criteria say so.

    None where a chosen option has no points: older events name the option alone.
    """
    chosen = [criterion for criterion in criteria if criterion.option is not None]
    points = [criterion.points for criterion in chosen if criterion.points is not None]
    if not points or len(points) < len(chosen):
        return None
    most = [criterion.most for criterion in chosen if criterion.most is not None]
    return sum(points), sum(most) if len(most) == len(chosen) else None


def answer_of(work: WorkFields) -> str | None:
    """The texts of an answer, a paragraph for each part, where the operator lets them out."""
    parts = work.parts if isinstance(work, WrittenWorkFields) else ()
    return "\n\n".join(part.text for part in parts if part.text is not None) or None


def file_names_of(declared: WorkFields | UploadFields) -> list[str] | None:
    """The names of the files of an answer or of an upload, where the operator lets them out."""
    if isinstance(declared, WrittenWorkFields):
        return list(map(str, declared.file_names)) if declared.file_names else None
    return [declared.file_name] if isinstance(declared, NamedUploadFields) and declared.file_name else None
