"""Each event that the reference proposes to map is mapped as proposed, in both standards; what departs has a reason."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from golden_files import golden_files, optional_families, read_names
from services import reference_folder

Words = tuple[str | None, ...]
"""In xAPI verb and type of the object; in Caliper event, profile, action, and types of object and generated entity."""

_RESULT = "the result says whose it is: the actor is the platform"
_WITH_ATTEMPT = "with the attempt, as the other events of it"
_NO_WORDS = "what would hold the words, which are private, would be empty"
_ASSIGNABLE = "blocks and courses that are worked on are assignable in all events"
_RESETS = "learners delete nothing, their attempts are reset; staff is the instructor"
_UPDATED = "one word for whatever is changed, that of teams"
_LAUNCHED = "a ToolLaunchEvent asks for the session of LTI, which the event does not name"
_EXAM = "https://w3id.org/xapi/openedx/activity/{}-assessment"
_RESET = "https://w3id.org/xapi/dod-isd/verbs/reset"
_UPDATE = "http://activitystrea.ms/update"

DEPARTURES: dict[tuple[str, str], tuple[Words, str]] = {
    ("caliper", "edx.badge.assertion.created"): (("Event", "GeneralProfile", "Created", "Document", "Result"), _RESULT),
    ("caliper", "edx.certificate.created"): (("Event", "GeneralProfile", "Created", "Document", "Result"), _RESULT),
    ("caliper", "edx.certificate.revoked"): (("Event", "GeneralProfile", "Removed", "Document", "Result"), _RESULT),
    ("xapi", "edx.certificate.revoked"): (
        ("http://activitystrea.ms/lose", "https://www.opigno.org/en/tincan_registry/activity_type/certificate"),
        "the actor is the learner, who loses it; staff is the instructor",
    ),
    ("caliper", "edx.course.home.resume_course.clicked"): (
        ("NavigationEvent", "ReadingProfile", "NavigatedTo", "AssignableDigitalResource", None), _ASSIGNABLE,
    ),
    ("caliper", "openassessmentblock.submit_feedback_on_assessments"): (
        ("FeedbackEvent", "FeedbackProfile", "Commented", "AssignableDigitalResource", None), _NO_WORDS,
    ),
    ("caliper", "edx.feedbackxblock.freeform_provided"): (
        ("FeedbackEvent", "FeedbackProfile", "Commented", "DigitalResource", None), _NO_WORDS,
    ),
    ("caliper", "textbook.pdf.search.executed"): (
        ("SearchEvent", "SearchProfile", "Searched", "Document", None), _NO_WORDS,
    ),
    ("caliper", "edx.course.home.courseware_search.submit"): (
        ("SearchEvent", "SearchProfile", "Searched", "AssignableDigitalResource", None), _NO_WORDS,
    ),
    ("caliper", "edx.course.search.results_displayed"): (
        ("SearchEvent", "SearchProfile", "Searched", "AssignableDigitalResource", "SearchResponse"), _ASSIGNABLE,
    ),
    ("caliper", "oppia.exploration.state.changed"): (
        ("NavigationEvent", "AssignableProfile", "NavigatedTo", "AssignableDigitalResource", None), _ASSIGNABLE,
    ),
    ("caliper", "save_problem_success"): (
        ("Event", "GeneralProfile", "Saved", "Assessment", None), "a problem may hold several questions",
    ),
    ("caliper", "edx.forum.thread.deleted"): (
        ("ResourceManagementEvent", "ResourceManagementProfile", "Deleted", "Thread", None),
        "with its first message the thread goes, and so do the answers",
    ),
    ("xapi", "edx.course.goal.updated"): ((_UPDATE, "http://id.tincanapi.com/activitytype/goal"), _UPDATED),
    ("xapi", "edx.ui.lms.reset_deadlines.clicked"): ((_UPDATE, "http://adlnet.gov/expapi/activities/course"), _UPDATED),
    ("caliper", "edx.special_exam.proctored.attempt.declined"): (
        ("Event", "GeneralProfile", "Declined", "Assessment", "Attempt"), _WITH_ATTEMPT,
    ),
    **{
        ("caliper", f"edx.lti.{place}.launch_request"): (
            ("Event", "GeneralProfile", "Launched", "SoftwareApplication", None), _LAUNCHED,
        )
        for place in ("embed", "xblock")
    },
    **{
        ("caliper", f"edx.special_exam.{kind}.attempt.created"): (
            ("AssignableEvent", "AssignableProfile", "Activated", "Assessment", "Attempt"), _WITH_ATTEMPT,
        )
        for kind in ("practice", "proctored", "timed")
    },
    **{
        ("xapi", f"edx.special_exam.{kind}.attempt.deleted"): ((_RESET, _EXAM.format(kind)), _RESETS)
        for kind in ("practice", "proctored", "timed")
    },
}  # fmt: skip
"""Standard and event → what it is instead, and why."""

NOT_AN_ALIAS = {
    "problem_rescore": "newer logs hold both, so each rescoring would count twice; docs/not-mapped.md",
}
SPELLED = {"CourseOffering": "CourseSection"}
"""A type of the proposals → ours for the same: a run of a course is a section of it."""


@cache
def proposals() -> list[dict[str, Any]]:
    """Reads the proposals of the reference that are to be mapped."""
    folder = reference_folder()
    beyond = json.loads((folder / "mapping" / "beyond.json").read_text("utf-8"))
    newer = json.loads((folder / "newer" / "proposals.json").read_text("utf-8"))
    more = [{**row, "decision": "map"} for row in beyond["caliper_for_xapi_only"]]
    return [*beyond["unmapped_by_erb"], *newer["newer"], *more]


@cache
def goldens() -> dict[str, dict[str, set[tuple[str, Words]]]]:
    """Reads which families say what of each event: standard → event → family and words."""
    shown: dict[str, dict[str, set[tuple[str, Words]]]] = {}
    for standard in ("xapi", "caliper"):
        shown[standard] = defaultdict(set)
        names = read_names(standard)
        for file in golden_files(standard):
            for golden in json.loads(file.read_text("utf-8")):
                statements = [] if isinstance(golden["gives"], str) else golden["gives"]
                for event in (golden["event"]["name"], *golden.get("also", [])):
                    shown[standard][event] |= {(file.parent.name, words_of(each, names)) for each in statements}
    return shown


def words_of(statement: dict[str, Any], names: dict[str, Any]) -> Words:
    """Takes from a statement what the proposals name."""
    thing = statement["object"]
    if isinstance(thing, str):
        thing = names[thing]
    made = statement.get("generated")
    if "verb" in statement:
        return statement["verb"]["id"], thing.get("definition", {}).get("type")
    generated = made["type"] if isinstance(made, dict) else None
    return statement["type"], statement["profile"], statement["action"], thing["type"], generated


def proposed_words() -> Iterator[tuple[str, dict[str, Any], Words]]:
    """Yields for each proposal and standard what the event is to be."""
    for row in proposals():
        if row["decision"] in ("map", "optional"):
            if "xapi" in row:
                yield "xapi", row, (row["xapi"]["verb"], row["xapi"]["activity_type"])
            if row.get("caliper"):
                event = [row["caliper"].get(key) for key in ("type", "profile", "action", "object", "generated")]
                yield "caliper", row, tuple(SPELLED.get(word, word) if word else None for word in event)


def test_each_proposal_is_mapped_as_proposed_or_departs_with_a_reason() -> None:
    missing, other, departing = [], [], set()
    for standard, row, words in proposed_words():
        event = row["event"]
        ours = goldens()[standard].get(event, set())
        if not ours:
            missing.append((standard, event))
        elif words not in {shown for _, shown in ours}:
            departing.add((standard, event))
            if DEPARTURES.get((standard, event), ((), ""))[0] not in {shown for _, shown in ours}:
                other.append((standard, event, words, ours))
    assert not missing
    assert not other
    assert departing == DEPARTURES.keys(), "the table has rows that nothing departs by"


def test_optional_proposals_alone_are_off_by_default() -> None:
    counts: dict[str, int] = defaultdict(int)
    off = {*optional_families("xapi"), *optional_families("caliper")}
    for standard, row, _ in proposed_words():
        counts[f"{standard}, {row['decision']}"] += 1
        for family, _ in goldens()[standard][row["event"]]:
            is_optional = f"{standard}.{family}" in off
            assert is_optional == (row["decision"] == "optional"), f"{standard}.{family}: {row['event']}"
    assert counts["xapi, map"] == 77 + 15
    assert counts["xapi, optional"] == 33 + 17


@pytest.mark.parametrize("standard", ["xapi", "caliper"])
def test_what_is_not_to_be_mapped_is_not_and_other_names_are(standard: str) -> None:
    ours = goldens()[standard]
    refused = {row["event"] for row in proposals() if row["decision"] == "no"}
    assert len(refused) == 101 + 49
    assert not refused & {event for event, shown in ours.items() if shown}
    aliases = {row["event"] for row in proposals() if row["decision"] == "alias"}
    assert {event for event in aliases if not ours.get(event)} == NOT_AN_ALIAS.keys()
