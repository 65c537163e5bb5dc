"""Defines the types of Caliper 1.1 and 1.2 as data: events, entities, terms.

Properties are written ``name:kind``, ``name!:kind`` if required, ``name:[kind]`` for an array.
A kind is a scalar (``string``, ``integer``, ``decimal``, ``boolean``, ``object``, ``DateTime``,
``Duration``), a set of terms (``Role``, ``Status``, ``Metric``) or an entity type, which includes
its subtypes; ``A|B`` means either.
"""

from collections.abc import Mapping
from typing import NamedTuple


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


CONTEXTS = {
    "1.1": "http://purl.imsglobal.org/ctx/caliper/v1p1",
    "1.2": "http://purl.imsglobal.org/ctx/caliper/v1p2",
}

TERMS: Mapping[str, frozenset[str]] = {
    "Status": frozenset({"Active", "Inactive"}),
    "Metric": _words(
        "AssessmentsPassed AssessmentsSubmitted MinutesOnTask SkillsMastered StandardsMastered"
        " UnitsCompleted UnitsPassed WordsRead"
    ),
    "Role": frozenset(
        role if not part else f"{role}#{part}"
        for role, parts in {
            "Administrator": "Administrator Developer ExternalDeveloper ExternalSupport"
            " ExternalSystemAdministrator Support SystemAdministrator",
            "ContentDeveloper": "ContentDeveloper ContentExpert ExternalContentExpert Librarian",
            "Instructor": "ExternalInstructor Grader GuestInstructor Instructor Lecturer PrimaryInstructor"
            " SecondaryInstructor TeachingAssistant TeachingAssistantGroup TeachingAssistantOffering"
            " TeachingAssistantSection TeachingAssistantTemplate",
            "Learner": "ExternalLearner GuestLearner Learner NonCreditLearner",
            "Manager": "AreaManager CourseCoordinator Observer ExternalObserver",
            "Member": "Member",
            "Mentor": "Advisor Auditor ExternalAdvisor ExternalAuditor ExternalLearningFacilitator"
            " ExternalMentor ExternalReviewer ExternalTutor LearningFacilitator Mentor Reviewer Tutor",
            "Officer": "Chair Secretary Treasurer Vice-Chair",
        }.items()
        for part in ("", *parts.split())
    ),
}

# --- entities ---------------------------------------------------------------------------------------

_SPAN = "startedAtTime:DateTime endedAtTime:DateTime"
_POINTS = "scalePoints:integer itemLabels:[string] itemValues:[string]"

# Type: (supertypes, own properties). A property given again narrows that of the supertype.
ENTITIES_1_2: Mapping[str, tuple[str, str]] = {
    "Entity": (
        "",
        "id!:id type!:string name:string description:string dateCreated:DateTime dateModified:DateTime"
        " otherIdentifiers:[SystemIdentifier] extensions:object",
    ),
    "Agent": ("Entity", ""),
    "Person": ("Agent", ""),
    "SoftwareApplication": ("Agent", "host:string ipAddress:string userAgent:string version:string"),
    "Organization": ("Agent", "subOrganizationOf:Organization members:[Agent]"),
    "Group": ("Organization", ""),
    "CourseOffering": ("Organization", "courseNumber:string academicSession:string"),
    "CourseSection": ("CourseOffering", "category:string"),
    "Membership": ("Entity", "organization:Organization member:Person roles:[Role] status:Status"),
    "Session": ("Entity", f"user:Person client:SoftwareApplication {_SPAN} duration:Duration"),
    "LtiSession": ("Session", "messageParameters:object"),
    # Resources
    "DigitalResource": (
        "Entity",
        "storageName:string creators:[Agent] mediaType:string keywords:[string]"
        " learningObjectives:[LearningObjective] isPartOf:Entity datePublished:DateTime version:string",
    ),
    "LearningObjective": ("Entity", ""),
    "Chapter": ("DigitalResource", ""),
    "Document": ("DigitalResource", ""),
    "Page": ("DigitalResource", ""),
    "WebPage": ("DigitalResource", ""),
    "Frame": ("DigitalResource", "index:integer"),
    "Link": ("Entity", ""),
    "LtiLink": ("DigitalResource", "messageType:string"),
    "MediaLocation": ("DigitalResource", "currentTime:Duration"),
    "MediaObject": ("DigitalResource", "duration:Duration"),
    "AudioObject": ("MediaObject", "volumeLevel:string volumeMin:string volumeMax:string muted:boolean"),
    "ImageObject": ("MediaObject", ""),
    "VideoObject": ("MediaObject", ""),
    "Collection": ("Entity", "items:[Entity]"),
    "DigitalResourceCollection": ("Collection DigitalResource", "items:[DigitalResource]"),
    "Forum": ("DigitalResourceCollection", "items:[Thread]"),
    "Thread": ("DigitalResourceCollection", "items:[Message]"),
    "Message": ("DigitalResource", "replyTo:Message body:string attachments:[DigitalResource]"),
    # Assignables, attempts, grades
    "AssignableDigitalResource": (
        "DigitalResource",
        "dateToActivate:DateTime dateToShow:DateTime dateToStartOn:DateTime dateToSubmit:DateTime"
        " maxAttempts:integer maxSubmits:integer maxScore:decimal",
    ),
    "Assessment": ("AssignableDigitalResource DigitalResourceCollection", "items:[AssessmentItem]"),
    "AssessmentItem": ("AssignableDigitalResource", "isTimeDependent:boolean"),
    "Attempt": (
        "Entity",
        f"assignee:Person assignable:DigitalResource isPartOf:Attempt count:integer {_SPAN} duration:Duration",
    ),
    "Score": ("Entity", "attempt:Attempt maxScore:decimal scoreGiven:decimal scoredBy:Agent comment:string"),
    "Result": (
        "Entity",
        "attempt:Attempt maxResultScore:decimal resultScore:decimal scoredBy:Agent comment:string",
    ),
    "Response": ("Entity", f"attempt:Attempt {_SPAN} duration:Duration"),
    "DateTimeResponse": ("Response", "dateTimeSelected:DateTime"),
    "FillinBlankResponse": ("Response", "values:[string]"),
    "MultipleChoiceResponse": ("Response", "value:string"),
    "MultipleResponseResponse": ("Response", "values:[string]"),
    "MultiselectResponse": ("Response", "selections:[string]"),
    "OpenEndedResponse": ("Response", "value:string"),
    "RatingScaleResponse": ("Response", "selections:[string]"),
    "SelectTextResponse": ("Response", "values:[string]"),
    "TrueFalseResponse": ("Response", "value:string"),
    # Annotations and feedback
    "Annotation": ("Entity", "annotator:Person annotated:DigitalResource"),
    "BookmarkAnnotation": ("Annotation", "bookmarkNotes:string"),
    "HighlightAnnotation": ("Annotation", "selectionText:string selection:TextPositionSelector"),
    "SharedAnnotation": ("Annotation", "withAgents:[Agent]"),
    "TagAnnotation": ("Annotation", "tags:[string]"),
    "Comment": ("Entity", "commenter:Person commentedOn:Entity value:string"),
    "Rating": (
        "Entity",
        "rater:Person rated:Entity question:Question selections:[string] ratingComment:Comment",
    ),
    # Surveys, questions, scales
    "Survey": ("Collection", "items:[Questionnaire]"),
    "SurveyInvitation": ("DigitalResource", "rater:Person survey:Survey sentCount:integer dateSent:DateTime"),
    "Questionnaire": ("DigitalResourceCollection", "items!:[QuestionnaireItem]"),
    "QuestionnaireItem": ("DigitalResource", "question:Question categories:[string] weight:decimal"),
    "Question": ("DigitalResource", "questionPosed:string"),
    "DateTimeQuestion": (
        "Question",
        "minDateTime:DateTime minLabel:string maxDateTime:DateTime maxLabel:string",
    ),
    "MultiselectQuestion": ("Question", "points:integer itemLabels:[string] itemValues:[string]"),
    "OpenEndedQuestion": ("Question", ""),
    "RatingScaleQuestion": ("Question", "scale:Scale"),
    "Scale": ("Entity", ""),
    "LikertScale": ("Scale", _POINTS),
    "MultiselectScale": (
        "Scale",
        f"{_POINTS} isOrderedSelection:boolean minSelections:integer maxSelections:integer",
    ),
    "NumericScale": (
        "Scale",
        "minValue:decimal minLabel:string maxValue:decimal maxLabel:string step:decimal",
    ),
    # Searches and measures
    "Query": ("Entity", "creator:Person searchTarget:Entity searchTerms:string"),
    "SearchResponse": (
        "Entity",
        "searchProvider:SoftwareApplication searchTarget:Entity query:Query searchResultsItemCount:integer",
    ),
    "AggregateMeasure": (
        "Entity",
        f"metric!:Metric metricValue!:decimal maxMetricValue:decimal {_SPAN}",
    ),
    "AggregateMeasureCollection": ("Collection", "items:[AggregateMeasure]"),
}

# Objects with a type and without an id: never referred to by an IRI.
VALUE_OBJECTS: Mapping[str, str] = {
    "SystemIdentifier": "type!:string identifierType!:string identifier!:string"
    " source:SoftwareApplication extensions:object",
    "TextPositionSelector": "type!:string start!:integer end!:integer",
}

_NOT_IN_1_1 = _words(
    "AggregateMeasure AggregateMeasureCollection Collection Comment DateTimeQuestion DateTimeResponse"
    " LikertScale Link LtiLink MultiselectQuestion MultiselectResponse MultiselectScale NumericScale"
    " OpenEndedQuestion OpenEndedResponse Query Question Questionnaire QuestionnaireItem Rating"
    " RatingScaleQuestion RatingScaleResponse Scale SearchResponse Survey SurveyInvitation"
)
ENTITIES_1_1: Mapping[str, tuple[str, str]] = {
    **{name: entity for name, entity in ENTITIES_1_2.items() if name not in _NOT_IN_1_1},
    "Entity": ("", ENTITIES_1_2["Entity"][1].replace(" otherIdentifiers:[SystemIdentifier]", "")),
    "SoftwareApplication": ("Agent", "version:string"),
    "Session": ("Entity", f"user:Person {_SPAN} duration:Duration"),
    "DigitalResource": ("Entity", ENTITIES_1_2["DigitalResource"][1].removeprefix("storageName:string ")),
    "DigitalResourceCollection": ("DigitalResource", "items:[DigitalResource]"),
    "Assessment": ("AssignableDigitalResource", "items:[AssessmentItem]"),
    "Forum": ("DigitalResourceCollection", ""),
    "Thread": ("DigitalResourceCollection", ""),
    **dict.fromkeys(("EpubChapter", "EpubPart", "EpubSubChapter", "EpubVolume", "Reading"), ("DigitalResource", "")),
}

# --- events -----------------------------------------------------------------------------------------

EVENT_1_1 = (
    "id!:event-id type!:string actor!:Agent action!:string object!:Entity eventTime!:DateTime"
    " target:Entity generated:Entity referrer:Entity edApp:SoftwareApplication group:Organization"
    " membership:Membership session:Session federatedSession:LtiSession extensions:object"
)
EVENT_1_2 = f"{EVENT_1_1} profile:string"


class EventType(NamedTuple):
    """Holds what a type of event allows beyond the base: profiles, actions, narrowed properties.

    ``narrowed`` applies to every action, ``by_action`` to one; the latter takes precedence.
    """

    profiles: str
    actions: str
    narrowed: str
    by_action: Mapping[str, str] = {}


_BY_STEP = {"Started": "generated:Attempt", "Skipped": "generated:Attempt", "Completed": "generated:Response"}

EVENTS_1_2: Mapping[str, EventType] = {
    "Event": EventType("GeneralProfile", "", ""),
    "AnnotationEvent": EventType(
        "AnnotationProfile",
        "Bookmarked Highlighted Shared Tagged",
        "actor!:Person object!:DigitalResource target:Frame",
        {
            "Bookmarked": "generated:BookmarkAnnotation",
            "Highlighted": "generated:HighlightAnnotation",
            "Shared": "generated:SharedAnnotation",
            "Tagged": "generated:TagAnnotation",
        },
    ),
    "AssessmentEvent": EventType(
        "AssessmentProfile",
        "Started Paused Resumed Restarted Reset Submitted",
        "actor!:Person object!:Assessment generated:Attempt",
    ),
    "AssessmentItemEvent": EventType(
        "AssessmentProfile",
        "Started Skipped Completed",
        "actor!:Person object!:AssessmentItem referrer:AssessmentItem",
        _BY_STEP,
    ),
    "AssignableEvent": EventType(
        "AssignableProfile",
        "Activated Deactivated Started Completed Submitted Reviewed",
        "actor!:Person object!:AssignableDigitalResource target:Frame generated:Attempt",
    ),
    "FeedbackEvent": EventType(
        "FeedbackProfile",
        "Commented Ranked",
        "actor!:Person target:Frame",
        {"Commented": "generated:Comment", "Ranked": "generated:Rating"},
    ),
    "ForumEvent": EventType("ForumProfile", "Subscribed Unsubscribed", "actor!:Person object!:Forum"),
    "GradeEvent": EventType("GradingProfile", "Graded", "object!:Attempt generated:Score"),
    "MediaEvent": EventType(
        "MediaProfile",
        "Started Ended Paused Resumed Restarted ForwardedTo JumpedTo ChangedResolution ChangedSize"
        " ChangedSpeed ChangedVolume EnabledClosedCaptioning DisabledClosedCaptioning EnteredFullScreen"
        " ExitedFullScreen Muted Unmuted OpenedPopout ClosedPopout",
        "actor!:Person object!:MediaObject target:MediaLocation",
    ),
    "MessageEvent": EventType("ForumProfile", "MarkedAsRead MarkedAsUnread Posted", "actor!:Person object!:Message"),
    "NavigationEvent": EventType(
        "ReadingProfile AssessmentProfile AssignableProfile ForumProfile MediaProfile SurveyProfile",
        "NavigatedTo",
        "actor!:Person object!:DigitalResource|SoftwareApplication target:DigitalResource"
        " referrer:DigitalResource|SoftwareApplication",
    ),
    "QuestionnaireEvent": EventType(
        "SurveyProfile", "Started Submitted", "actor!:Person object!:Questionnaire generated:Attempt"
    ),
    "QuestionnaireItemEvent": EventType(
        "SurveyProfile", "Started Skipped Completed", "actor!:Person object!:QuestionnaireItem", _BY_STEP
    ),
    "ResourceManagementEvent": EventType(
        "ResourceManagementProfile",
        "Archived Copied Created Deleted Described Downloaded Modified Printed Published Restored"
        " Retrieved Saved Unpublished Uploaded",
        "actor!:Person object!:DigitalResource generated:DigitalResource",
        {"Copied": "generated!:DigitalResource"},
    ),
    "SearchEvent": EventType("SearchProfile", "Searched", "actor!:Person generated:SearchResponse"),
    "SessionEvent": EventType(
        "SessionProfile",
        "LoggedIn LoggedOut TimedOut",
        "actor!:Person object!:SoftwareApplication target:DigitalResource referrer:DigitalResource|SoftwareApplication",
        {"TimedOut": "actor!:SoftwareApplication object!:Session"},
    ),
    "SurveyEvent": EventType("SurveyProfile", "OptedIn OptedOut", "actor!:Person object!:Survey"),
    "SurveyInvitationEvent": EventType(
        "SurveyProfile", "Accepted Declined Sent", "actor!:Person object!:SurveyInvitation"
    ),
    "ThreadEvent": EventType("ForumProfile", "MarkedAsRead MarkedAsUnread", "actor!:Person object!:Thread"),
    "ToolLaunchEvent": EventType(
        "ToolLaunchProfile",
        "Launched Returned",
        "actor!:Person object!:SoftwareApplication target:Link|LtiLink generated:DigitalResource",
        {"Launched": "federatedSession!:LtiSession"},
    ),
    "ToolUseEvent": EventType(
        "ToolUseProfile",
        "Used",
        "actor!:Person object!:SoftwareApplication target:SoftwareApplication generated:AggregateMeasureCollection",
    ),
    "ViewEvent": EventType(
        "ReadingProfile AnnotationProfile AssessmentProfile AssignableProfile ForumProfile GradingProfile"
        " MediaProfile SurveyProfile",
        "Viewed",
        "actor!:Person object!:DigitalResource target:Frame|MediaLocation",
    ),
}

# Profiles that narrow the object of an event type further (or, for grades, to another type).
OBJECT_BY_PROFILE: Mapping[tuple[str, str], str] = {
    ("ViewEvent", "GradingProfile"): "object!:Result",
    ("ViewEvent", "SurveyProfile"): "object!:Questionnaire|QuestionnaireItem",
    ("NavigationEvent", "SurveyProfile"): "object!:Questionnaire|QuestionnaireItem",
}

# In 1.1 these had contexts of their own, http://purl.imsglobal.org/ctx/caliper/v1p1/NAME-extension.
PROFILE_EXTENSIONS_OF_1_1 = _words(
    "FeedbackProfile ResourceManagementProfile SearchProfile SurveyProfile ToolLaunchProfile ToolUseProfile"
)


def _in_1_1(name: str, narrowed: str | None = None, more_actions: str = "") -> EventType:
    event = EVENTS_1_2[name]
    return event._replace(narrowed=narrowed or event.narrowed, actions=f"{event.actions} {more_actions}")


# 1.1 keeps deprecated actions, and both spellings of MarkedAsUnread, because its own documents differ.
EVENTS_1_1: Mapping[str, EventType] = {
    "Event": EVENTS_1_2["Event"],
    "AnnotationEvent": EVENTS_1_2["AnnotationEvent"],
    "AssessmentEvent": EVENTS_1_2["AssessmentEvent"],
    "AssessmentItemEvent": EVENTS_1_2["AssessmentItemEvent"],
    "ForumEvent": EVENTS_1_2["ForumEvent"],
    "SessionEvent": EVENTS_1_2["SessionEvent"],
    "AssignableEvent": _in_1_1("AssignableEvent", more_actions="Abandoned Hid Showed"),
    "GradeEvent": _in_1_1("GradeEvent", "object!:Attempt target:nothing generated:Score"),
    "MediaEvent": _in_1_1("MediaEvent", more_actions="Rewound"),
    "MessageEvent": _in_1_1("MessageEvent", more_actions="MarkedAsUnRead"),
    "NavigationEvent": _in_1_1(
        "NavigationEvent",
        "actor!:Person object!:DigitalResource|SoftwareApplication target:Frame"
        " referrer:DigitalResource|SoftwareApplication",
    ),
    "ThreadEvent": _in_1_1("ThreadEvent", more_actions="MarkedAsUnRead"),
    "ToolUseEvent": _in_1_1("ToolUseEvent", "actor!:Person object!:SoftwareApplication target:SoftwareApplication"),
    "ViewEvent": _in_1_1("ViewEvent", "actor!:Person object!:DigitalResource target:Frame"),
    "OutcomeEvent": EventType("", "Graded", "object!:Attempt target:nothing generated:Result"),
    "ReadingEvent": EventType("", "NavigatedTo Searched Viewed", "actor!:Person object!:DigitalResource target:Frame"),
}

PROFILES = frozenset(name for event in EVENTS_1_2.values() for name in event.profiles.split())

# The generic Event allows any of these; some belong to none of the types above (any more).
ACTIONS = _words(
    "Abandoned Added Attached Classified Disliked Hid Identified Liked Linked Questioned Recommended"
    " Removed Rewound Showed"
).union(*(event.actions.split() for event in EVENTS_1_2.values()))
