r"""Lists the types, properties and terms of Caliper Analytics 1.2 and 1.1, as data.

Source: the sections on profiles, events and entities of both 1EdTech specifications.

A property's value is written in a short notation:

| notation | value |
|---|---|
| `string`, `integer`, `decimal`, `boolean`, `DateTime`, `Duration`, `object`, … | see `values` |
| `Person` | an object of that type or a subtype |
| `Person\|IRI` | the same, or the identifier of one |
| `[Person\|IRI]` | an array of these |
| `…!` | the property is required |
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

OTHERWISE = "*"


@dataclass(frozen=True)
class TypeRow:
    """Describes an entity type, or a value type that is no entity: its direct supertypes and what it adds to them."""

    supertypes: tuple[str, ...]
    own: Mapping[str, str]


@dataclass(frozen=True)
class EventRow:
    """Describes an event type: its actions and profiles, and what it narrows of `EVENT`.

    A narrowed property has one notation for all actions, or one for each action that narrows it, with
    `OTHERWISE` for the rest; an empty notation forbids the property.
    """

    profiles: tuple[str, ...]
    actions: tuple[str, ...]
    narrowed: Mapping[str, str | Mapping[str, str]]

    def properties(self, action: str | None) -> dict[str, str]:
        """Returns what this type requires of an event's properties under ``action``."""
        by_property = {
            name: {OTHERWISE: notation} if isinstance(notation, str) else notation
            for name, notation in self.narrowed.items()
        }
        return {
            name: by_action[key]
            for name, by_action in by_property.items()
            for key in (OTHERWISE, action or OTHERWISE)  # the later one wins
            if key in by_action
        }


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Holds the terms of one version of Caliper."""

    version: str
    context: str
    types: Mapping[str, TypeRow]
    events: Mapping[str, EventRow]
    actions: tuple[str, ...]
    profiles: tuple[str, ...] = field(default=())

    def properties(self, name: str) -> dict[str, str]:
        """Returns own and inherited properties of a type: its own win, then its supertypes' in their order."""
        row = self.types[name]
        inherited: dict[str, str] = {}
        for supertype in reversed(row.supertypes):
            inherited |= self.properties(supertype)
        return {**inherited, **row.own}

    @cached_property
    def lineage(self) -> dict[str, frozenset[str]]:
        """Maps each type to itself and all its supertypes."""

        def above(name: str) -> set[str]:
            return {name}.union(*map(above, self.types[name].supertypes))

        return {name: frozenset(above(name)) for name in self.types}


def _type(*supertypes: str, **own: str) -> TypeRow:
    return TypeRow(supertypes, own)


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _event(profiles: str, actions: str, **narrowed: str | Mapping[str, str]) -> EventRow:
    """Makes a row from profile names (without their ending) and action terms; the actor is a Person by default."""
    return EventRow(
        tuple(f"{name}Profile" for name in profiles.split()),
        _words(actions),
        {"actor": "Person|IRI!", **narrowed},
    )


# Properties of every event

EVENT = {
    "@context": "context!",
    "id": "event id!",
    "type": "event type!",
    "actor": "Agent|IRI!",
    "action": "action!",
    "object": "Entity|IRI!",
    "eventTime": "DateTime!",
    "edApp": "SoftwareApplication|IRI",
    "generated": "Entity|IRI",
    "target": "Entity|IRI",
    "referrer": "Entity|IRI",
    "group": "Organization|IRI",
    "membership": "Membership|IRI",
    "session": "Session|IRI",
    "federatedSession": "LtiSession|IRI",
    "extensions": "object",
}

# Types that both versions have

_WHEN = {"startedAtTime": "DateTime", "endedAtTime": "DateTime", "duration": "Duration"}
_ENTITY = {
    "id": "IRI!",
    "type": "string!",
    "name": "string",
    "description": "string",
    "dateCreated": "DateTime",
    "dateModified": "DateTime",
    "extensions": "object",
}
_SESSION = {"user": "Person", **_WHEN}
_RESOURCE = {
    "creators": "[Agent|IRI]",
    "mediaType": "string",
    "keywords": "[string]",
    "learningObjectives": "[LearningObjective|IRI]",
    "isPartOf": "Entity|IRI",
    "datePublished": "DateTime",
    "version": "string",
}
_TYPES = {
    # Agents
    "Agent": _type("Entity"),
    "Person": _type("Agent"),
    "Organization": _type("Agent", subOrganizationOf="Organization|IRI", members="[Agent|IRI]"),
    "CourseOffering": _type("Organization", courseNumber="string", academicSession="string"),
    "CourseSection": _type("CourseOffering", category="string"),
    "Group": _type("Organization"),
    "Membership": _type(
        "Entity", member="Person|IRI", organization="Organization|IRI", roles="[role]", status="status"
    ),
    "LtiSession": _type("Session", messageParameters="object"),
    # Digital resources
    "AssignableDigitalResource": _type(
        "DigitalResource",
        dateToActivate="DateTime",
        dateToShow="DateTime",
        dateToStartOn="DateTime",
        dateToSubmit="DateTime",
        maxAttempts="integer",
        maxSubmits="integer",
        maxScore="decimal",
    ),
    "AssessmentItem": _type("AssignableDigitalResource", isTimeDependent="boolean"),
    "MediaObject": _type("DigitalResource", duration="Duration"),
    "AudioObject": _type("MediaObject", volumeLevel="string", volumeMin="string", volumeMax="string", muted="boolean"),
    "ImageObject": _type("MediaObject"),
    "VideoObject": _type("MediaObject"),
    "MediaLocation": _type("DigitalResource", currentTime="Duration"),
    "Frame": _type("DigitalResource", index="integer"),
    "Chapter": _type("DigitalResource"),
    "Document": _type("DigitalResource"),
    "Page": _type("DigitalResource"),
    "WebPage": _type("DigitalResource"),
    "Message": _type("DigitalResource", replyTo="Message|IRI", body="string", attachments="[DigitalResource|IRI]"),
    "LearningObjective": _type("Entity"),
    # Annotations
    "Annotation": _type("Entity", annotator="Person|IRI", annotated="DigitalResource|IRI"),
    "BookmarkAnnotation": _type("Annotation", bookmarkNotes="string"),
    "HighlightAnnotation": _type("Annotation", selection="TextPositionSelector", selectionText="string"),
    "SharedAnnotation": _type("Annotation", withAgents="[Agent|IRI]"),
    "TagAnnotation": _type("Annotation", tags="[string]"),
    "TextPositionSelector": _type(type="string!", start="integer!", end="integer!"),
    # Attempts, responses, grades
    "Attempt": _type(
        "Entity",
        assignee="Person|IRI",
        assignable="DigitalResource|IRI",
        isPartOf="Attempt|IRI",
        count="integer",
        **_WHEN,
    ),
    "Response": _type("Entity", attempt="Attempt|IRI", **_WHEN),
    "FillinBlankResponse": _type("Response", values="[string]"),
    "MultipleChoiceResponse": _type("Response", value="string"),
    "MultipleResponseResponse": _type("Response", values="[string]"),
    "SelectTextResponse": _type("Response", values="[string]"),
    "TrueFalseResponse": _type("Response", value="string"),
    "Result": _type(
        "Entity",
        attempt="Attempt|IRI",
        maxResultScore="decimal",
        resultScore="decimal",
        scoredBy="Agent|IRI",
        comment="string",
    ),
    "Score": _type(
        "Entity",
        attempt="Attempt|IRI",
        maxScore="decimal",
        scoreGiven="decimal",
        scoredBy="Agent|IRI",
        comment="string",
    ),
}

# Types of 1.1

_TYPES_1_1 = {
    **_TYPES,
    "Entity": _type(**_ENTITY),
    "SoftwareApplication": _type("Agent", version="string"),
    "Session": _type("Entity", **_SESSION),
    "DigitalResource": _type("Entity", **_RESOURCE),
    "DigitalResourceCollection": _type("DigitalResource", items="[DigitalResource|IRI]"),
    "Assessment": _type("AssignableDigitalResource", items="[AssessmentItem|IRI]"),
    "Forum": _type("DigitalResourceCollection"),
    "Thread": _type("DigitalResourceCollection"),
    # deprecated
    "EpubChapter": _type("DigitalResource"),
    "EpubPart": _type("DigitalResource"),
    "EpubSubChapter": _type("DigitalResource"),
    "EpubVolume": _type("DigitalResource"),
    "Reading": _type("DigitalResource"),
}

# Types of 1.2

_CHOICES = {"itemLabels": "[string]", "itemValues": "[string]"}
_TYPES_1_2 = {
    **_TYPES,
    "Entity": _type(**_ENTITY, otherIdentifiers="[SystemIdentifier]"),
    "SystemIdentifier": _type(
        type="string!",
        identifierType="string!",
        identifier="string!",
        source="SoftwareApplication|IRI",
        extensions="object",
    ),
    "SoftwareApplication": _type("Agent", host="string", ipAddress="string", userAgent="string", version="string"),
    "Session": _type("Entity", **_SESSION, client="SoftwareApplication"),
    "DigitalResource": _type("Entity", **_RESOURCE, storageName="string"),
    "Collection": _type("Entity", items="[Entity|IRI]"),
    "DigitalResourceCollection": _type("Collection", "DigitalResource", items="[DigitalResource|IRI]"),
    "Assessment": _type("AssignableDigitalResource", "DigitalResourceCollection", items="[AssessmentItem|IRI]"),
    "Forum": _type("DigitalResourceCollection", items="[Thread|IRI]"),
    "Thread": _type("DigitalResourceCollection", items="[Message|IRI]"),
    "Link": _type("Entity"),
    "LtiLink": _type("DigitalResource", messageType="string"),
    # Search
    "Query": _type("Entity", creator="Person|IRI", searchTarget="Entity|IRI", searchTerms="string"),
    "SearchResponse": _type(
        "Entity",
        searchProvider="SoftwareApplication|IRI",
        searchTarget="Entity|IRI",
        query="Query|IRI",
        searchResultsItemCount="integer",
    ),
    # Feedback
    "Comment": _type("Entity", commenter="Person|IRI", commentedOn="Entity|IRI", value="string"),
    "Rating": _type(
        "Entity",
        rater="Person|IRI",
        rated="Entity|IRI",
        question="Question|IRI",
        selections="[string]",
        ratingComment="Comment|IRI",
    ),
    # Surveys
    "Survey": _type("Collection", items="[Questionnaire|IRI]"),
    "SurveyInvitation": _type(
        "DigitalResource", rater="Person|IRI", survey="Survey|IRI", sentCount="integer", dateSent="DateTime"
    ),
    "Questionnaire": _type("DigitalResourceCollection", items="[QuestionnaireItem|IRI]!"),
    "QuestionnaireItem": _type("DigitalResource", question="Question|IRI", categories="[string]", weight="decimal"),
    "Question": _type("DigitalResource", questionPosed="string"),
    "DateTimeQuestion": _type(
        "Question", minDateTime="DateTime", minLabel="string", maxDateTime="DateTime", maxLabel="string"
    ),
    "MultiselectQuestion": _type("Question", points="integer", **_CHOICES),
    "OpenEndedQuestion": _type("Question"),
    "RatingScaleQuestion": _type("Question", scale="Scale|IRI"),
    "DateTimeResponse": _type("Response", dateTimeSelected="DateTime"),
    "MultiselectResponse": _type("Response", selections="[string]"),
    "OpenEndedResponse": _type("Response", value="string"),
    "RatingScaleResponse": _type("Response", selections="[string]"),
    "Scale": _type("Entity"),
    "LikertScale": _type("Scale", scalePoints="integer", **_CHOICES),
    "MultiselectScale": _type(
        "Scale",
        scalePoints="integer",
        **_CHOICES,
        isOrderedSelection="boolean",
        minSelections="integer",
        maxSelections="integer",
    ),
    "NumericScale": _type(
        "Scale", minValue="decimal", minLabel="string", maxValue="decimal", maxLabel="string", step="decimal"
    ),
    # Tool use
    "AggregateMeasure": _type(
        "Entity",
        metric="metric!",
        metricValue="decimal!",
        maxMetricValue="decimal",
        startedAtTime="DateTime",
        endedAtTime="DateTime",
    ),
    "AggregateMeasureCollection": _type("Collection", items="[AggregateMeasure]"),
}

# Events

_MEDIA_ACTIONS = (
    "Started Ended Paused Resumed Restarted ForwardedTo JumpedTo ChangedResolution ChangedSize ChangedSpeed "
    "ChangedVolume EnabledClosedCaptioning DisabledClosedCaptioning EnteredFullScreen ExitedFullScreen Muted "
    "Unmuted OpenedPopout ClosedPopout"
)
_ASSIGNABLE_ACTIONS = "Activated Deactivated Started Completed Submitted Reviewed"
_ITEM_GENERATES = {"Started": "Attempt|IRI", "Skipped": "Attempt|IRI", "Completed": "Response|IRI"}
_SHOWN = "DigitalResource|SoftwareApplication|IRI"  # what one navigates between

_ACTIONS_1_1 = _words(
    "Abandoned Activated Added Attached Bookmarked ChangedResolution ChangedSize ChangedSpeed ChangedVolume "
    "Classified ClosedPopout Commented Completed Created Deactivated Deleted Described "
    "DisabledClosedCaptioning Disliked EnabledClosedCaptioning Ended EnteredFullScreen ExitedFullScreen "
    "ForwardedTo Graded Hid Highlighted Identified JumpedTo Liked Linked LoggedIn LoggedOut MarkedAsRead "
    "MarkedAsUnread Modified Muted NavigatedTo OpenedPopout Paused Posted Questioned Ranked Recommended "
    "Removed Reset Restarted Resumed Retrieved Reviewed Rewound Searched Shared Showed Skipped Started "
    "Submitted Subscribed Tagged TimedOut Unmuted Unsubscribed Used Viewed"
)
_ACTIONS_1_2 = _ACTIONS_1_1 + _words(
    "Accepted Archived Copied Declined Downloaded Launched OptedIn OptedOut Printed Published Restored "
    "Returned Saved Sent Unpublished Uploaded"
)

# The text of the forum profile also spells MarkedAsUnRead; the action list, the contexts and the JSON schemas
# of both versions have MarkedAsUnread only.
_EVENTS = {
    "AnnotationEvent": _event(
        "Annotation",
        "Bookmarked Highlighted Shared Tagged",
        object="DigitalResource|IRI!",
        target="Frame|IRI",
        generated={
            "Bookmarked": "BookmarkAnnotation|IRI",
            "Highlighted": "HighlightAnnotation|IRI",
            "Shared": "SharedAnnotation|IRI",
            "Tagged": "TagAnnotation|IRI",
        },
    ),
    "AssessmentEvent": _event(
        "Assessment",
        "Started Paused Resumed Restarted Reset Submitted",
        object="Assessment|IRI!",
        generated="Attempt|IRI",
    ),
    "AssessmentItemEvent": _event(
        "Assessment",
        "Started Skipped Completed",
        object="AssessmentItem|IRI!",
        generated=_ITEM_GENERATES,
        referrer="AssessmentItem|IRI",
    ),
    "ForumEvent": _event("Forum", "Subscribed Unsubscribed", object="Forum|IRI!"),
    "MessageEvent": _event("Forum", "MarkedAsRead MarkedAsUnread Posted", object="Message|IRI!"),
    "SessionEvent": _event(
        "Session",
        "LoggedIn LoggedOut TimedOut",
        actor={"LoggedIn": "Person|IRI!", "LoggedOut": "Person|IRI!", "TimedOut": "SoftwareApplication|IRI!"},
        object={
            "LoggedIn": "SoftwareApplication|IRI!",
            "LoggedOut": "SoftwareApplication|IRI!",
            "TimedOut": "Session|IRI!",
        },
        target="DigitalResource|IRI",
        referrer=_SHOWN,
    ),
    "ThreadEvent": _event("Forum", "MarkedAsRead MarkedAsUnread", object="Thread|IRI!"),
}


def _assignable(actions: str) -> EventRow:
    return _event(
        "Assignable",
        actions,
        object="AssignableDigitalResource|IRI!",
        target="Frame|IRI",
        generated="Attempt|IRI",
    )


def _media(actions: str) -> EventRow:
    return _event("Media", actions, object="MediaObject|IRI!", target="MediaLocation|IRI")


_EVENTS_1_1 = {
    **_EVENTS,
    "Event": EventRow((), _ACTIONS_1_1, {}),
    # with deprecated actions
    "AssignableEvent": _assignable(f"{_ASSIGNABLE_ACTIONS} Abandoned Hid Showed"),
    "MediaEvent": _media(f"{_MEDIA_ACTIONS} Rewound"),
    "GradeEvent": _event("", "Graded", actor="Agent|IRI!", object="Attempt|IRI!", target="", generated="Score|IRI"),
    "NavigationEvent": _event("", "NavigatedTo", object=f"{_SHOWN}!", target="Frame|IRI", referrer=_SHOWN),
    "ToolUseEvent": _event("", "Used", object="SoftwareApplication|IRI!", target="SoftwareApplication|IRI"),
    "ViewEvent": _event("", "Viewed", object="DigitalResource|IRI!", target="Frame|IRI"),
    # deprecated
    "OutcomeEvent": _event("", "Graded", actor="Agent|IRI!", object="Attempt|IRI!", target="", generated="Result|IRI"),
    "ReadingEvent": _event("", "NavigatedTo Searched Viewed", object="DigitalResource|IRI!", target="Frame|IRI"),
}

_EVENTS_1_2 = {
    **_EVENTS,
    "Event": EventRow(("GeneralProfile",), _ACTIONS_1_2, {}),
    "AssignableEvent": _assignable(_ASSIGNABLE_ACTIONS),
    "MediaEvent": _media(_MEDIA_ACTIONS),
    "FeedbackEvent": _event(
        "Feedback",
        "Commented Ranked",
        target="Frame|IRI",
        generated={"Commented": "Comment|IRI", "Ranked": "Rating|IRI"},
    ),
    "GradeEvent": _event("Grading", "Graded", actor="Agent|IRI!", object="Attempt|IRI!", generated="Score|IRI"),
    "NavigationEvent": _event(
        "Reading Assessment Assignable Forum Media Survey",
        "NavigatedTo",
        object=f"{_SHOWN}!",
        target="DigitalResource|IRI",
        referrer=_SHOWN,
    ),
    "QuestionnaireEvent": _event("Survey", "Started Submitted", object="Questionnaire|IRI!", generated="Attempt|IRI"),
    "QuestionnaireItemEvent": _event(
        "Survey", "Started Skipped Completed", object="QuestionnaireItem|IRI!", generated=_ITEM_GENERATES
    ),
    "ResourceManagementEvent": _event(
        "ResourceManagement",
        "Archived Copied Created Deleted Described Downloaded Modified Printed Published Restored Retrieved "
        "Saved Unpublished Uploaded",
        object="DigitalResource|IRI!",
        generated={"Copied": "DigitalResource|IRI!", OTHERWISE: "DigitalResource|IRI"},
    ),
    "SearchEvent": _event("Search", "Searched", generated="SearchResponse|IRI"),
    "SurveyEvent": _event("Survey", "OptedIn OptedOut", object="Survey|IRI!"),
    "SurveyInvitationEvent": _event("Survey", "Accepted Declined Sent", object="SurveyInvitation|IRI!"),
    "ToolLaunchEvent": _event(
        "ToolLaunch",
        "Launched Returned",
        object="SoftwareApplication|IRI!",
        federatedSession={"Launched": "LtiSession|IRI!"},
        target="Link|LtiLink|IRI",
        generated="DigitalResource|IRI",
    ),
    "ToolUseEvent": _event(
        "ToolUse",
        "Used",
        object="SoftwareApplication|IRI!",
        target="SoftwareApplication|IRI",
        generated="AggregateMeasureCollection|IRI",
    ),
    "ViewEvent": _event(
        "Reading Annotation Assessment Assignable Forum Grading Media Survey",
        "Viewed",
        object="DigitalResource|IRI!",
    ),
}

# Terms

STATUSES = ("Active", "Inactive")
METRICS = _words(
    "AssessmentsPassed AssessmentsSubmitted MinutesOnTask SkillsMastered StandardsMastered UnitsCompleted "
    "UnitsPassed WordsRead"
)
_SUBROLES = {
    "Administrator": "Administrator Developer ExternalDeveloper ExternalSupport ExternalSystemAdministrator "
    "Support SystemAdministrator",
    "ContentDeveloper": "ContentDeveloper ContentExpert ExternalContentExpert Librarian",
    "Instructor": "ExternalInstructor Grader GuestInstructor Instructor Lecturer PrimaryInstructor "
    "SecondaryInstructor TeachingAssistant TeachingAssistantGroup TeachingAssistantOffering "
    "TeachingAssistantSection TeachingAssistantTemplate",
    "Learner": "ExternalLearner GuestLearner Learner NonCreditLearner",
    "Manager": "AreaManager CourseCoordinator ExternalObserver Observer",
    "Member": "Member",
    "Mentor": "Advisor Auditor ExternalAdvisor ExternalAuditor ExternalLearningFacilitator ExternalMentor "
    "ExternalReviewer ExternalTutor LearningFacilitator Mentor Reviewer Tutor",
    "Officer": "Chair Secretary Treasurer Vice-Chair",
}
ROLES = (*_SUBROLES, *(f"{role}#{sub}" for role, subs in _SUBROLES.items() for sub in subs.split()))

VERSIONS = {
    "1.1": Vocabulary("1.1", "http://purl.imsglobal.org/ctx/caliper/v1p1", _TYPES_1_1, _EVENTS_1_1, _ACTIONS_1_1),
    "1.2": Vocabulary(
        "1.2",
        "http://purl.imsglobal.org/ctx/caliper/v1p2",
        _TYPES_1_2,
        _EVENTS_1_2,
        _ACTIONS_1_2,
        tuple(dict.fromkeys(profile for row in _EVENTS_1_2.values() for profile in row.profiles)),
    ),
}
