"""Open assessments: work that is handed in, handed out and assessed."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import ActivityParts, ContextParts, ObjectParts, ResultParts, StatementParts
from learnrelay_xapi.scores import score

from .. import xapi_vocabulary as openedx
from ..addresses import NO_BLOCK, NO_PAGE, block_iri, page_address, team_iri
from ..free_texts import FreeTextSettings, words_of
from .fields import (
    NOTHING_TO_ASSESS,
    AssessmentFields,
    AssignmentFields,
    FeedbackFields,
    NamedUploadFields,
    PeerWorkFields,
    TeamWorkFields,
    TrainingFields,
    UploadFields,
    WorkFields,
    WrittenFeedbackFields,
    WrittenTeamWorkFields,
    WrittenWorkFields,
    answer_of,
    file_names_of,
    points_of,
    submission_iri,
)

family = Family("xapi.open_assessment", settings_schema=FreeTextSettings)


def titled(block: AssignmentFields, iri: str, platform: Platform) -> ObjectParts:
    """The assignment or a work that was handed in for it, under the assignment's title."""
    return {"id": iri, "definition": {"name": activities.text(block.title, platform)}}


def assignment(block_id: str, platform: Platform) -> ActivityParts:
    """The assignment, as what a statement belongs to; without its title, on which the id would depend."""
    iri = block_iri(platform, block_id)
    return {"id": iri, "objectType": "Activity", "definition": {"type": v.SCHOOL_ASSIGNMENT}}


def part_of(block_id: str, platform: Platform) -> ContextParts:
    """The assignment as parent of what is a part of it."""
    return {"contextActivities": {"parent": [assignment(block_id, platform)]}}


def own_work(block_id: str, submission: str, platform: Platform) -> ActivityParts:
    """The learner's own work, as what a statement belongs to."""
    iri = submission_iri(block_id, submission, platform)
    return {"id": iri, "objectType": "Activity", "definition": {"type": v.ATTEMPT}}


def handed_in(work: WorkFields, platform: Platform, *others: ActivityParts) -> StatementParts | Skip:
    """The assignment, with the work that was handed in."""
    if work.block_id is None:
        return NO_BLOCK
    submission = [] if work.submission is None else [own_work(work.block_id, work.submission, platform)]
    return {
        "object": titled(work, block_iri(platform, work.block_id), platform),
        "result": {"response": answer_of(work), "extensions": {v.SUPPLEMENT: file_names_of(work)}},
        "context": {
            "contextActivities": {"grouping": [*submission, *others] or None},
            "extensions": {v.ATTEMPT_ID: work.attempt_number},
        },
    }


@family.maps(
    "openassessmentblock.create_submission",
    reads=WorkFields, reads_if={"texts": WrittenWorkFields}, verb=v.SUBMITTED, activity=v.SCHOOL_ASSIGNMENT,
)  # fmt: skip
def submission_created(work: WorkFields, platform: Platform) -> StatementParts | Skip:
    """The learner hands in an answer."""
    return handed_in(work, platform)


@family.maps(
    "openassessmentblock.create_team_submission",
    reads=TeamWorkFields, reads_if={"texts": WrittenTeamWorkFields}, verb=v.SUBMITTED, activity=v.SCHOOL_ASSIGNMENT,
)  # fmt: skip
def team_submission_created(work: TeamWorkFields, platform: Platform) -> StatementParts | Skip:
    """A member of a team hands in the team's answer."""
    if work.team is None:
        return handed_in(work, platform)
    team: ActivityParts = {
        "id": team_iri(platform, work.team),
        "objectType": "Activity",
        "definition": {"type": v.GROUP},
    }
    return handed_in(work, platform, team)


@family.maps(
    "openassessmentblock.save_submission",
    reads=AssignmentFields, verb=v.SAVED, activity=v.SCHOOL_ASSIGNMENT,
)  # fmt: skip
def draft_saved(block: AssignmentFields, platform: Platform) -> StatementParts | Skip:
    """The learner saves a draft of an answer."""
    if block.block_id is None:
        return NO_BLOCK
    return {"object": titled(block, block_iri(platform, block.block_id), platform)}


@family.maps(
    "openassessmentblock.get_peer_submission",
    reads=PeerWorkFields, verb=v.WAS_ASSIGNED, activity=v.SCHOOL_ASSIGNMENT,
)  # fmt: skip
def peer_submission_assigned(work: PeerWorkFields, platform: Platform) -> StatementParts | Skip:
    """The learner gets the work of somebody else to assess."""
    if work.submission is None:
        return Skip(NOTHING_TO_ASSESS)
    if work.block_id is None:
        return NO_BLOCK
    submission = submission_iri(work.block_id, work.submission, platform)
    return {"object": titled(work, submission, platform), "context": part_of(work.block_id, platform)}


def assessed(assessment: AssessmentFields, platform: Platform) -> StatementParts | Skip:
    """The work that was assessed, with the options that were chosen, and their points."""
    if assessment.block_id is None:
        return NO_BLOCK
    points = points_of(assessment.criteria)
    pairs = [
        f"{criterion.name or ''}[.]{criterion.option}"
        for criterion in assessment.criteria
        if criterion.option is not None
    ]
    result: ResultParts = {
        "score": score(*points) if points else None,
        "response": "[,]".join(pairs) or None,
    }
    submission = submission_iri(assessment.block_id, assessment.submission, platform)
    return {
        "object": titled(assessment, submission, platform),
        "result": result,
        "context": part_of(assessment.block_id, platform),
    }


@family.maps(
    "openassessmentblock.peer_assess",
    reads=AssessmentFields, verb=v.EVALUATED, activity=v.SCHOOL_ASSIGNMENT,
)  # fmt: skip
def peer_assessed(assessment: AssessmentFields, platform: Platform) -> StatementParts | Skip:
    """The learner assesses the work of somebody else."""
    return assessed(assessment, platform)


@family.maps(
    "openassessmentblock.self_assess",
    reads=AssessmentFields, verb=v.EVALUATED, activity=v.SCHOOL_ASSIGNMENT,
)  # fmt: skip
def self_assessed(assessment: AssessmentFields, platform: Platform) -> StatementParts | Skip:
    """The learner assesses the own work."""
    return assessed(assessment, platform)


@family.maps(
    "openassessmentblock.staff_assess",
    reads=AssessmentFields, verb=v.EVALUATED, activity=v.SCHOOL_ASSIGNMENT,
)  # fmt: skip
def staff_assessed(assessment: AssessmentFields, platform: Platform) -> StatementParts | Skip:
    """A member of staff assesses the work of a learner, whom the event does not name."""
    return assessed(assessment, platform)


@family.maps(
    "openassessmentblock.submit_feedback_on_assessments",
    reads=FeedbackFields, reads_if={"texts": WrittenFeedbackFields}, verb=v.COMMENTED, activity=v.SCHOOL_ASSIGNMENT,
)  # fmt: skip
def feedback_given(feedback: FeedbackFields, platform: Platform) -> StatementParts | Skip:
    """The learner says what the assessments were worth: the boxes ticked, and the words if let out."""
    if feedback.block_id is None:
        return NO_BLOCK
    given = [text for text in (*(feedback.options or ()), words_of(feedback)) if text is not None]
    return {
        "object": titled(feedback, block_iri(platform, feedback.block_id), platform),
        "result": {"response": "[,]".join(map(str, given)) or None},
    }


@family.maps(
    "openassessment.student_training_assess_example",
    reads=TrainingFields, verb=v.ATTEMPTED, activity=v.ASSESSMENT,
)  # fmt: skip
def example_assessed(training: TrainingFields, platform: Platform) -> StatementParts | Skip:
    """The learner assesses an example; success is to choose what the course team chose."""
    if training.block_id is None:
        return NO_BLOCK
    return {
        "object": {"id": block_iri(platform, training.block_id, "example")},
        "result": {"success": training.corrections is None},
        "context": {
            "contextActivities": {
                "parent": [assignment(training.block_id, platform)],
                "grouping": [own_work(training.block_id, training.submission, platform)],
            },
        },
    }


@family.maps(
    "openassessment.upload_file",
    reads=UploadFields, reads_if={"texts": NamedUploadFields}, verb=v.ATTACHED, activity=v.FILE,
)  # fmt: skip
def file_uploaded(upload: UploadFields, platform: Platform) -> StatementParts | Skip:
    """The learner uploads a file for an answer: on which page, its size and its kind, its name if let out."""
    page = page_address(platform, upload.page)
    if page is None:
        return Skip(NO_PAGE)
    return {
        "object": {"id": f"{page}#file"},
        "result": {"extensions": {v.SUPPLEMENT: file_names_of(upload)}},
        "context": {"extensions": {v.TYPE: upload.media_type, openedx.FILE_SIZE: upload.size}},
    }
