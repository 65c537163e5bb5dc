"""Open assessments: work that is handed in, handed out and assessed."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper.entities import Attempt, Entity, Rating, comment_on
from learnrelay_caliper.parts import EventKind, EventParts

from ..addresses import NO_BLOCK, NO_PAGE, block_iri, page_address, team_iri
from ..free_texts import FreeTextSettings, words_of
from .fields import (
    NOTHING_TO_ASSESS,
    AssessedFields,
    AssignmentFields,
    FeedbackFields,
    NamedUploadFields,
    PeerWorkFields,
    RatingFields,
    ScoreFields,
    TeamWorkFields,
    TitledTrainingFields,
    UploadFields,
    WorkFields,
    WrittenFeedbackFields,
    WrittenTeamWorkFields,
    WrittenWorkFields,
    answer_of,
    file_names_of,
    options_of,
    points_of,
    submission_iri,
)

family = Family("caliper.open_assessment", settings_schema=FreeTextSettings)

SUBMITTED: EventKind = {"type": "AssignableEvent", "action": "Submitted", "profile": "AssignableProfile"}
STARTED: EventKind = {"type": "AssignableEvent", "action": "Started", "profile": "AssignableProfile"}
SAVED: EventKind = {"type": "Event", "action": "Saved", "profile": "GeneralProfile"}
RANKED: EventKind = {"type": "FeedbackEvent", "action": "Ranked", "profile": "FeedbackProfile"}
COMMENTED: EventKind = {"type": "FeedbackEvent", "action": "Commented", "profile": "FeedbackProfile"}
GRADED: EventKind = {"type": "GradeEvent", "action": "Graded", "profile": "GradingProfile"}
TRAINED: EventKind = {"type": "AssessmentEvent", "action": "Submitted", "profile": "AssessmentProfile"}
UPLOADED: EventKind = {"type": "ResourceManagementEvent", "action": "Uploaded", "profile": "ResourceManagementProfile"}


def assignment(block_id: str, block: AssignmentFields, platform: Platform) -> Entity:
    """Makes the assignment, with its title."""
    return {"id": block_iri(platform, block_id), "type": "AssignableDigitalResource", "name": block.title}


def others_work(block_id: str, assessment: AssessedFields, platform: Platform) -> Entity:
    """Makes the attempt that was handed in, of a learner whom the event does not name."""
    return {
        "id": submission_iri(block_id, assessment.submission, platform),
        "type": "Attempt",
        "assignable": assignment(block_id, assessment, platform),
    }


def handed_in(work: WorkFields, platform: Platform, team: Entity | None = None) -> EventParts | Skip:
    """Makes the work that was handed in; Caliper has no place for the words of an assignment."""
    if work.block_id is None:
        return NO_BLOCK
    item = assignment(work.block_id, work, platform)
    own_id = None if work.submission is None else submission_iri(work.block_id, work.submission, platform)
    return {
        "object": item,
        "generated": Attempt(item["id"], work.attempt_number, own_id=own_id),
        "extensions": {"team": team, "answer": answer_of(work), "fileNames": file_names_of(work)},
    }


@family.maps(
    "openassessmentblock.create_submission",
    reads=WorkFields, reads_if={"texts": WrittenWorkFields}, **SUBMITTED,
)  # fmt: skip
def submission_created(work: WorkFields, platform: Platform) -> EventParts | Skip:
    """The learner hands in an answer."""
    return handed_in(work, platform)


@family.maps(
    "openassessmentblock.create_team_submission",
    reads=TeamWorkFields, reads_if={"texts": WrittenTeamWorkFields}, **SUBMITTED,
)  # fmt: skip
def team_submission_created(work: TeamWorkFields, platform: Platform) -> EventParts | Skip:
    """A member of a team hands in the team's answer."""
    return handed_in(
        work, platform, None if work.team is None else {"id": team_iri(platform, work.team), "type": "Group"}
    )


@family.maps("openassessmentblock.save_submission", reads=AssignmentFields, **SAVED)
def draft_saved(block: AssignmentFields, platform: Platform) -> EventParts | Skip:
    """The learner saves a draft of an answer."""
    if block.block_id is None:
        return NO_BLOCK
    return {"object": assignment(block.block_id, block, platform)}


@family.maps("openassessmentblock.get_peer_submission", reads=PeerWorkFields, **STARTED)
def peer_submission_assigned(work: PeerWorkFields, platform: Platform) -> EventParts | Skip:
    """The learner gets the work of somebody else to assess."""
    if work.submission is None:
        return Skip(NOTHING_TO_ASSESS)
    if work.block_id is None:
        return NO_BLOCK
    iri = submission_iri(work.block_id, work.submission, platform)
    item = {"id": iri, "type": "AssignableDigitalResource", "isPartOf": assignment(work.block_id, work, platform)}
    return {"object": item, "generated": Attempt(iri)}


@family.maps("openassessmentblock.peer_assess", reads=RatingFields, **RANKED)
def peer_assessed(assessment: RatingFields, platform: Platform) -> EventParts | Skip:
    """The learner assesses the work of somebody else."""
    if assessment.block_id is None:
        return NO_BLOCK
    work = others_work(assessment.block_id, assessment, platform)
    return {"object": work, "generated": Rating(work["id"], options_of(assessment.criteria))}


@family.maps("openassessmentblock.self_assess", reads=RatingFields, **RANKED)
def self_assessed(assessment: RatingFields, platform: Platform) -> EventParts | Skip:
    """The learner assesses the own work."""
    if assessment.block_id is None:
        return NO_BLOCK
    item = assignment(assessment.block_id, assessment, platform)
    work = Attempt(item, own_id=submission_iri(assessment.block_id, assessment.submission, platform))
    return {"object": work, "generated": Rating(str(work.own_id), options_of(assessment.criteria))}


@family.maps("openassessmentblock.staff_assess", reads=ScoreFields, **GRADED)
def staff_assessed(assessment: ScoreFields, platform: Platform) -> EventParts | Skip:
    """A member of staff assesses the work of a learner, whom the event does not name."""
    if assessment.block_id is None:
        return NO_BLOCK
    work = others_work(assessment.block_id, assessment, platform)
    given, most = points_of(assessment.criteria) or (None, None)
    score = {
        "id": f"{work['id']}/score",
        "type": "Score",
        "attempt": work["id"],
        "maxScore": most,
        "scoreGiven": given,
    }
    return {"object": work, "generated": score}


@family.maps(
    "openassessmentblock.submit_feedback_on_assessments",
    reads=FeedbackFields, reads_if={"texts": WrittenFeedbackFields}, **COMMENTED,
)  # fmt: skip
def feedback_given(feedback: FeedbackFields, platform: Platform) -> EventParts | Skip:
    """The learner says what the assessments were worth: the boxes ticked, and the words if let out."""
    if feedback.block_id is None:
        return NO_BLOCK
    item = assignment(feedback.block_id, feedback, platform)
    return {
        "object": item,
        "generated": comment_on(item["id"], words_of(feedback)),
        "extensions": {"options": feedback.options},
    }


@family.maps(
    "openassessment.student_training_assess_example",
    reads=TitledTrainingFields, **TRAINED,
)  # fmt: skip
def example_assessed(training: TitledTrainingFields, platform: Platform) -> EventParts | Skip:
    """The learner assesses an example; success is to choose what the course team chose."""
    if training.block_id is None:
        return NO_BLOCK
    iri = block_iri(platform, training.block_id, "example")
    example = {"id": iri, "type": "Assessment", "isPartOf": assignment(training.block_id, training, platform)}
    return {
        "object": example,
        "generated": Attempt(iri),
        "extensions": {
            "success": training.corrections is None,
            "submission": submission_iri(training.block_id, training.submission, platform),
        },
    }


@family.maps(
    "openassessment.upload_file",
    reads=UploadFields, reads_if={"texts": NamedUploadFields}, **UPLOADED,
)  # fmt: skip
def file_uploaded(upload: UploadFields, platform: Platform) -> EventParts | Skip:
    """The learner uploads a file for an answer: on which page, its size and its kind, its name if let out."""
    page = page_address(platform, upload.page)
    if page is None:
        return Skip(NO_PAGE)
    return {
        "object": {"id": f"{page}#file", "type": "Document"},
        "extensions": {"mediaType": upload.media_type, "size": upload.size, "fileNames": file_names_of(upload)},
    }
