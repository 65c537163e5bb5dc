"""The independent Caliper rules: what is valid passes, each fault is found and named by its path."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from changed_documents import REMOVED, changed

from learnrelay_contract_tests.endpoints import check_entity, check_envelope, check_event

V1P1 = "http://purl.imsglobal.org/ctx/caliper/v1p1"
V1P2 = "http://purl.imsglobal.org/ctx/caliper/v1p2"
LMS = "https://lms.example.org"
NOW = "2026-11-22T10:15:30.123Z"


def entity(kind: str, **properties: Any) -> dict[str, Any]:
    return {"id": f"{LMS}/{kind.lower()}/1", "type": kind, **properties}


PERSON = entity("Person")
APP = entity("SoftwareApplication", version="2026.1")


def event(kind: str, action: str, target: Any, /, **properties: Any) -> dict[str, Any]:
    return {
        "@context": V1P2,
        "id": "urn:uuid:0f6d1c1e-7a39-5b86-9a44-1d7f3f3c9a52",
        "type": kind,
        "actor": PERSON,
        "action": action,
        "object": target,
        "eventTime": NOW,
        **properties,
    }


ATTEMPT = entity("Attempt", assignee=PERSON["id"], assignable=entity("Assessment"), count=1, duration="PT5M")
SESSION = entity("Session", user=PERSON, startedAtTime=NOW)
COURSE = entity("CourseOffering", courseNumber="Intro", academicSession="2026", members=[PERSON["id"]])
MEMBERSHIP = entity(
    "Membership",
    member=PERSON,
    organization=COURSE["id"],
    roles=["Learner", "Learner#GuestLearner"],
    status="Active",
)
VIDEO = entity(
    "VideoObject",
    name="Welcome",
    duration="PT3M15S",
    mediaType="video/mp4",
    isPartOf=COURSE,
    keywords=["start"],
    creators=[PERSON, APP["id"]],
    dateCreated=NOW,
    extensions={"anything": None},
    otherIdentifiers=[{"type": "SystemIdentifier", "identifierType": "LtiUserId", "identifier": "x1", "source": APP}],
)
RICH = event(
    "MediaEvent",
    "Paused",
    VIDEO,
    profile="MediaProfile",
    target=entity("MediaLocation", currentTime="PT1M2.5S"),
    referrer=f"{LMS}/page/1",
    edApp=APP,
    group=COURSE,
    membership=MEMBERSHIP,
    session=SESSION,
    federatedSession=entity("LtiSession", messageParameters={"lti_version": "1.3"}),
    extensions={"speed": 1.25},
)
GRADE = event(
    "GradeEvent",
    "Graded",
    ATTEMPT,
    actor=APP,
    generated=entity("Score", attempt=ATTEMPT["id"], maxScore=2, scoreGiven=1.5, scoredBy=APP["id"]),
)
HIGHLIGHT = event(
    "AnnotationEvent",
    "Highlighted",
    entity("Document"),
    generated=entity(
        "HighlightAnnotation",
        selection={"type": "TextPositionSelector", "start": 3, "end": 9},
        selectionText="…",
    ),
)

GOOD: list[dict[str, Any]] = [
    RICH,
    GRADE,
    HIGHLIGHT,
    event("Event", "Liked", VIDEO),
    event("Event", "Activated", COURSE, profile="GeneralProfile"),
    event("AnnotationEvent", "Tagged", entity("Page"), generated=entity("TagAnnotation", tags=["a"])),
    event("AssessmentEvent", "Submitted", entity("Assessment"), generated=ATTEMPT),
    event("AssessmentItemEvent", "Started", entity("AssessmentItem"), generated=ATTEMPT),
    event("AssessmentItemEvent", "Completed", entity("AssessmentItem", isTimeDependent=False),
          generated=entity("MultipleChoiceResponse", value="a", attempt=ATTEMPT)),
    event("AssignableEvent", "Completed", entity("AssignableDigitalResource", maxAttempts=3)),
    event("FeedbackEvent", "Commented", VIDEO, generated=entity("Comment", commenter=PERSON, value="good")),
    event("FeedbackEvent", "Ranked", COURSE["id"], generated=entity("Rating", selections=["5"])),
    event("ForumEvent", "Subscribed", entity("Forum", items=[entity("Thread")])),
    event("MessageEvent", "Posted", entity("Message", replyTo=f"{LMS}/message/0", body="hello")),
    event("ThreadEvent", "MarkedAsUnread", entity("Thread")),
    event("NavigationEvent", "NavigatedTo", entity("WebPage"), referrer=APP),
    event("NavigationEvent", "NavigatedTo", entity("Questionnaire", items=[]), profile="SurveyProfile"),
    event("QuestionnaireEvent", "Started", entity("Questionnaire", items=["urn:x:1"]), generated=ATTEMPT),
    event("QuestionnaireItemEvent", "Completed", entity("QuestionnaireItem"),
          generated=entity("RatingScaleResponse", selections=["1"])),
    event("ResourceManagementEvent", "Created", entity("DigitalResource", storageName="a.txt")),
    event("ResourceManagementEvent", "Copied", entity("Document"), generated=entity("Document")),
    event("SearchEvent", "Searched", COURSE, generated=entity(
        "SearchResponse", query=entity("Query", creator=PERSON, searchTerms="x"), searchResultsItemCount=0)),
    event("SessionEvent", "LoggedIn", APP, session=SESSION, target=entity("WebPage")),
    event("SessionEvent", "TimedOut", SESSION, actor=APP),
    event("SurveyEvent", "OptedIn", entity("Survey")),
    event("SurveyInvitationEvent", "Sent", entity("SurveyInvitation", sentCount=1, dateSent=NOW)),
    event("ToolLaunchEvent", "Launched", APP, federatedSession=entity("LtiSession"), target=entity("Link")),
    event("ToolUseEvent", "Used", APP, generated=entity("AggregateMeasureCollection", items=[
        entity("AggregateMeasure", metric="MinutesOnTask", metricValue=12.5)])),
    event("ViewEvent", "Viewed", entity("Frame", index=3), target=entity("Frame")),
    event("ViewEvent", "Viewed", entity("Result", resultScore=1), profile="GradingProfile"),
    event("ViewEvent", "Viewed", {"id": "_:page", "type": "WebPage"}),
    {**RICH, "@context": ["https://example.org/own-terms", {"x": "https://example.org/x"}, V1P2]},
    {**RICH, "object": {**VIDEO, "@context": V1P2}},
]  # fmt: skip


BAD: list[tuple[dict[str, Any], str]] = [
    *((changed(RICH, key, REMOVED), key) for key in (
        "@context", "id", "type", "actor", "action", "object", "eventTime",
    )),
    *((changed(RICH, "@context", value), "@context") for value in (
        V1P1, V1P2 + "/", "https" + V1P2[4:], [V1P2, "https://example.org/x"], [], [7, V1P2],
    )),
    *((changed(RICH, "id", value), "id") for value in (
        "0f6d1c1e-7a39-5b86-9a44-1d7f3f3c9a52", "urn:uuid:1", f"{LMS}/event/1",
    )),
    *((changed(RICH, "eventTime", value), "eventTime") for value in (
        "2026-11-22T10:15:30Z", "2026-11-22T10:15:30.123456Z", "2026-11-22T10:15:30.123+00:00",
        "2026-11-22T10:15:30.123", "2026-02-30T10:15:30.123Z", 1763806530123,
    )),
    (changed(RICH, "type", "VideoEvent"), "type"),
    (changed(RICH, "type", "Person"), "type"),
    (changed(RICH, "action", "Graded"), "action"),
    (changed(RICH, "action", "paused"), "action"),
    (event("Event", "Enrolled", COURSE), "action"),
    (changed(RICH, "profile", "VideoProfile"), "profile"),
    (changed(RICH, "profile", "GradingProfile"), "profile"),
    (changed(RICH, "learner", PERSON), "learner"),
    (changed(RICH, "actor", entity("SoftwareApplication")), "actor.type"),
    (changed(RICH, "actor", "k7f3"), "actor"),
    (changed(RICH, "actor id", "k7f3"), "actor.id"),
    (changed(RICH, "actor id", REMOVED), "actor.id"),
    (changed(RICH, "actor type", REMOVED), "actor.type"),
    (changed(RICH, "actor email", "a@example.org"), "actor.email"),
    (changed(RICH, "object type", "Webpage"), "object.type"),
    (changed(RICH, "object type", "Document"), "object.type"),
    (changed(RICH, "object duration", "195"), "object.duration"),
    (changed(RICH, "object isPartOf id", "course-1"), "object.isPartOf.id"),
    (changed(RICH, "object keywords", "start"), "object.keywords"),
    (changed(RICH, "object keywords 0", 1), "object.keywords[0]"),
    (changed(RICH, "object creators 0", VIDEO), "object.creators[0].type"),
    (changed(RICH, "object name", None), "object.name"),
    (changed(RICH, "object maxScore", 1), "object.maxScore"),
    (changed(RICH, "object dateCreated", "2026-11-22"), "object.dateCreated"),
    (changed(RICH, "object @context", V1P1), "object.@context"),
    (changed(RICH, "object otherIdentifiers 0 identifier", REMOVED), "object.otherIdentifiers[0].identifier"),
    (changed(RICH, "target", entity("Frame")), "target.type"),
    (changed(RICH, "target currentTime", 62.5), "target.currentTime"),
    (changed(RICH, "group", PERSON), "group.type"),
    (changed(RICH, "membership roles", ["Student"]), "membership.roles[0]"),
    (changed(RICH, "membership status", "active"), "membership.status"),
    (changed(RICH, "session user", APP), "session.user.type"),
    (changed(RICH, "federatedSession", SESSION), "federatedSession.type"),
    (changed(RICH, "extensions", [1]), "extensions"),
    (changed(GRADE, "object", entity("AssessmentItem")), "object.type"),
    (changed(GRADE, "object count", -1), "object.count"),
    (changed(GRADE, "object count", 1.5), "object.count"),
    (changed(GRADE, "generated", {"score": GRADE["generated"]}), "generated.type"),
    (changed(GRADE, "generated scoreGiven", "1.5"), "generated.scoreGiven"),
    (changed(GRADE, "generated attempts", 3), "generated.attempts"),
    (changed(HIGHLIGHT, "generated", entity("TagAnnotation")), "generated.type"),
    (changed(HIGHLIGHT, "generated selection end", REMOVED), "generated.selection.end"),
    (changed(HIGHLIGHT, "generated selection type", "Selector"), "generated.selection.type"),
    (event("AssessmentItemEvent", "Completed", "urn:x:1", generated=ATTEMPT), "generated.type"),
    (event("FeedbackEvent", "Ranked", VIDEO, generated=entity("Comment")), "generated.type"),
    (event("ResourceManagementEvent", "Copied", entity("Document")), "generated"),
    (event("ToolLaunchEvent", "Launched", APP), "federatedSession"),
    (event("SessionEvent", "LoggedIn", SESSION), "object.type"),
    (event("SessionEvent", "TimedOut", SESSION), "actor.type"),
    (event("QuestionnaireEvent", "Started", entity("Questionnaire")), "object.items"),
    (event("ViewEvent", "Viewed", entity("Result")), "object.type"),
    (event("ViewEvent", "Viewed", entity("Annotation")), "object.type"),
    (event("ViewEvent", "Viewed", entity("Page"), profile="SurveyProfile"), "object.type"),
    (event("ToolUseEvent", "Used", APP, generated=entity("AggregateMeasureCollection", items=[
        entity("AggregateMeasure", metric="Clicks", metricValue=1)])), "generated.items[0].metric"),
]  # fmt: skip


def paths(problems: list[str]) -> list[str]:
    return [problem.split(": ")[0] for problem in problems]


def places(value: Any, way: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Yields each place outside extensions and free parameters: its path with blanks between, and what is there."""
    if way:
        yield " ".join(way), value
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in items:
        if key not in {"extensions", "messageParameters"}:
            yield from places(item, (*way, str(key)))


def shown(path: str) -> str:
    """Returns the path as messages show it."""
    return re.sub(r" (\d+)(?= |$)", r"[\1]", path).replace(" ", ".")


def test_there_are_as_many_samples_as_promised() -> None:
    assert len(GOOD) >= 20
    assert len(BAD) >= 30


@pytest.mark.parametrize("good", GOOD)
def test_valid_events_have_no_problems(good: dict[str, Any]) -> None:
    assert check_event(good) == []


@pytest.mark.parametrize(("bad", "path"), BAD)
def test_each_fault_is_named_by_its_path(bad: dict[str, Any], path: str) -> None:
    assert path in paths(check_event(bad))


@pytest.mark.parametrize("path", [path for path, _ in places(RICH)])
def test_null_is_refused_everywhere_but_in_extensions(path: str) -> None:
    assert any(problem.startswith(shown(path)) for problem in check_event(changed(RICH, path, None)))


@pytest.mark.parametrize("path", [path for path, value in places(RICH) if isinstance(value, dict)])
def test_an_unknown_property_is_refused_everywhere_but_in_extensions(path: str) -> None:
    assert f"{shown(path)}.no_such" in paths(check_event(changed(RICH, f"{path} no_such", "here")))


def test_problems_contain_no_values() -> None:
    secret = "Ada Lovelace <ada@example.org>"
    for path, value in places(RICH):
        if isinstance(value, str):
            assert not any(secret in problem for problem in check_event(changed(RICH, path, secret)))


@pytest.mark.parametrize("not_an_event", [None, [], "event", 1])
def test_what_is_no_object_is_no_event(not_an_event: Any) -> None:
    assert check_event(not_an_event) == ["event: must be an object"]


def test_nesting_without_end_is_a_problem_not_a_crash() -> None:
    nested: dict[str, Any] = entity("Page")
    for _ in range(2000):
        nested = entity("Page", isPartOf=nested)
    assert "event: is nested too deeply" in check_event(event("ViewEvent", "Viewed", nested))


def test_1_1_knows_neither_profiles_nor_the_types_of_1_2() -> None:
    old = {**GRADE, "@context": V1P1, "object": entity("Attempt"), "actor": entity("SoftwareApplication")}
    assert check_event(old, "1.1") == []
    assert paths(check_event({**old, "profile": "GradingProfile"}, "1.1")) == ["profile"]
    assert paths(check_event({**old, "target": VIDEO["id"]}, "1.1")) == ["target"]
    assert paths(check_event({**old, "actor": entity("SoftwareApplication", host="h")}, "1.1")) == ["actor.host"]
    assert paths(check_event({**old, "actor": entity("Comment")}, "1.1")) == ["actor.type"]
    search = {**event("SearchEvent", "Searched", COURSE), "@context": V1P1}
    assert paths(check_event(search, "1.1")) == ["type"]
    with_extension = {**search, "@context": [f"{V1P1}/SearchProfile-extension", V1P1]}
    assert check_event(with_extension, "1.1") == []
    assert check_event({**event("MessageEvent", "MarkedAsUnRead", entity("Message")), "@context": V1P1}, "1.1") == []


def test_a_version_without_rules_is_an_error() -> None:
    with pytest.raises(ValueError, match="neither"):
        check_event(RICH, "1.0")


def test_envelopes() -> None:
    envelope = {"sensor": f"{LMS}/sensor", "sendTime": NOW, "dataVersion": V1P2, "data": [RICH, GRADE]}
    described = {**VIDEO, "@context": V1P2}
    assert check_envelope(envelope) == []
    assert check_envelope({**envelope, "data": [described, RICH]}) == []
    assert check_entity(described) == []
    assert paths(check_entity(VIDEO)) == ["@context"]
    assert paths(check_envelope({**envelope, "data": [RICH, VIDEO]})) == ["data[1].@context"]
    assert paths(check_envelope({**envelope, "data": [RICH, {**GRADE, "id": "x"}]})) == ["data[1].id"]
    assert paths(check_envelope({**envelope, "data": [7]})) == ["data[0]"]
    for key in envelope:
        assert paths(check_envelope({name: value for name, value in envelope.items() if name != key})) == [key]
    for key, wrong in {
        "sensor": "",
        "sendTime": "now",
        "dataVersion": V1P2 + "x",
        "data": [],
        "version": 1,
    }.items():
        assert paths(check_envelope({**envelope, key: wrong})) == [key]
    assert check_envelope([envelope]) == ["envelope: must be an object"]
