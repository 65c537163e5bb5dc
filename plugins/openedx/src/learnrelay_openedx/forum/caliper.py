"""The forum: threads, responses and comments that learners write, read, vote for and report.

A thread is a ``Thread`` in the course's ``Forum``; what was written is a ``Message``, the thread's opening too.
"""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay.caching import cached
from learnrelay_caliper.entities import Entity, Known, Rating, SearchResponse
from learnrelay_caliper.parts import EventKind, EventParts

from ..free_texts import FreeTextSettings, words_of
from .fields import (
    SEARCH_FOR_PEOPLE,
    AnswerInCourse,
    AnswerVoteInCourse,
    CastFields,
    InCourse,
    LockInCourse,
    MarkInCourse,
    NewThreadInCourse,
    SearchedWordsFields,
    SearchFields,
    ThreadInCourse,
    ThreadTypeFields,
    VoteInCourse,
    WrittenAnswerInCourse,
    WrittenThreadInCourse,
    body_of,
    comment_address,
    forum_address,
    thread_address,
)

family = Family("caliper.forum", settings_schema=FreeTextSettings)

POSTED: EventKind = {"type": "MessageEvent", "action": "Posted", "profile": "ForumProfile"}
VIEWED: EventKind = {"type": "ViewEvent", "action": "Viewed", "profile": "ForumProfile"}
RANKED: EventKind = {"type": "FeedbackEvent", "action": "Ranked", "profile": "FeedbackProfile"}
MODIFIED: EventKind = {"type": "ResourceManagementEvent", "action": "Modified", "profile": "ResourceManagementProfile"}
DELETED: EventKind = {"type": "ResourceManagementEvent", "action": "Deleted", "profile": "ResourceManagementProfile"}
SEARCHED: EventKind = {"type": "SearchEvent", "action": "Searched", "profile": "SearchProfile"}
GENERAL: EventKind = {"type": "Event", "profile": "GeneralProfile"}
CLASSIFIED: EventKind = {"type": "Event", "action": "Classified", "profile": "GeneralProfile"}


# --- entities -------------------------------------------------------------------------------------------


@cached
def _forum(of: tuple[Platform, str]) -> Known:
    platform, course_id = of
    return Known(
        {"id": forum_address(platform, course_id), "type": "Forum", "isPartOf": platform.course_iri(course_id)}
    )


def forum(post: InCourse, platform: Platform) -> Known | None:
    """Makes the forum of the course."""
    return None if post.course_id is None else _forum((platform, post.course_id))


def thread(post: ThreadInCourse, platform: Platform) -> Entity:
    """Makes the thread that the event is about."""
    return {
        "id": thread_address(platform, post.id),
        "type": "Thread",
        "name": post.title,
        "isPartOf": forum(post, platform),
        "extensions": {"thread_type": post.thread_type if isinstance(post, ThreadTypeFields) else None},
    }


def opening(thread_id: str) -> str:
    """Returns the id of the message that opens a thread, beside that of the thread."""
    return f"{thread_id}#opening"


def opening_message(post: ThreadInCourse, platform: Platform) -> Entity:
    """Makes the message that opens the thread of the event."""
    whole = thread(post, platform)
    return {"id": opening(whole["id"]), "type": "Message", "isPartOf": whole}


def answer(post: AnswerInCourse, platform: Platform) -> Entity:
    """Makes a response to a thread's opening, or a comment on one: what it replies to is not in every event."""
    place: Entity | None = forum(post, platform)
    replied = None
    if post.thread_id is not None:
        thread_id = thread_address(platform, post.thread_id)
        place, replied = {"id": thread_id, "type": "Thread", "isPartOf": place}, opening(thread_id)
    if post.response_id is not None:
        replied = comment_address(platform, post.response_id)
    return {
        "id": comment_address(platform, post.id),
        "type": "Message",
        "replyTo": replied,
        "isPartOf": place,
    }


# --- events ---------------------------------------------------------------------------------------------


@family.maps(
    "edx.forum.thread.created", reads=NewThreadInCourse, reads_if={"texts": WrittenThreadInCourse}, **POSTED
)  # fmt: skip
def thread_created(post: NewThreadInCourse, platform: Platform) -> EventParts:
    """The learner opens a thread: a discussion or a question."""
    return {"object": {**opening_message(post, platform), "body": body_of(post)}}


@family.maps(
    "edx.forum.response.created", "edx.forum.comment.created",
    reads=AnswerInCourse, reads_if={"texts": WrittenAnswerInCourse}, **POSTED,
)  # fmt: skip
def answer_created(post: AnswerInCourse, platform: Platform) -> EventParts:
    """The learner responds to a thread, or comments on a response."""
    return {"object": {**answer(post, platform), "body": body_of(post)}}


@family.maps("edx.forum.thread.viewed", reads=ThreadInCourse, **VIEWED)
def thread_viewed(post: ThreadInCourse, platform: Platform) -> EventParts:
    """The learner reads a thread."""
    return {"object": thread(post, platform)}


def rating(rated: Entity, vote: CastFields) -> EventParts:
    """Makes a vote for a message; without selection when it was taken back."""
    return {
        "object": rated,
        "generated": Rating(rated["id"], None if vote.taken_back or vote.vote is None else [vote.vote]),
    }


@family.maps("edx.forum.thread.voted", reads=VoteInCourse, **RANKED)
def thread_voted(vote: VoteInCourse, platform: Platform) -> EventParts:
    """The learner votes for a thread's opening, or takes the vote back."""
    return rating(opening_message(vote, platform), vote)


@family.maps("edx.forum.response.voted", reads=AnswerVoteInCourse, **RANKED)
def answer_voted(vote: AnswerVoteInCourse, platform: Platform) -> EventParts:
    """The learner votes for a response, or takes the vote back."""
    return rating(answer(vote, platform), vote)


@family.maps("edx.forum.thread.edited", reads=ThreadInCourse, **MODIFIED)
def thread_edited(post: ThreadInCourse, platform: Platform) -> EventParts:
    """The learner changes a thread's opening."""
    return {"object": opening_message(post, platform)}


@family.maps("edx.forum.response.edited", "edx.forum.comment.edited", reads=AnswerInCourse, **MODIFIED)
def answer_edited(post: AnswerInCourse, platform: Platform) -> EventParts:
    """The learner changes a response or a comment."""
    return {"object": answer(post, platform)}


@family.maps("edx.forum.thread.deleted", reads=ThreadInCourse, **DELETED)
def thread_deleted(post: ThreadInCourse, platform: Platform) -> EventParts:
    """The learner removes a thread, with all that is in it."""
    return {"object": thread(post, platform)}


@family.maps("edx.forum.response.deleted", "edx.forum.comment.deleted", reads=AnswerInCourse, **DELETED)
def answer_deleted(post: AnswerInCourse, platform: Platform) -> EventParts:
    """The learner removes a response or a comment."""
    return {"object": answer(post, platform)}


@family.maps("edx.forum.thread.reported", reads=ThreadInCourse, **CLASSIFIED)
def thread_reported(post: ThreadInCourse, platform: Platform) -> EventParts:
    """The learner reports a thread's opening to the moderators."""
    return {"object": opening_message(post, platform), "extensions": {"reported": True}}


@family.maps("edx.forum.response.reported", "edx.forum.comment.reported", reads=AnswerInCourse, **CLASSIFIED)
def answer_reported(post: AnswerInCourse, platform: Platform) -> EventParts:
    """The learner reports a response or a comment to the moderators."""
    return {"object": answer(post, platform), "extensions": {"reported": True}}


@family.maps("edx.forum.thread.unreported", reads=ThreadInCourse, **CLASSIFIED)
def thread_unreported(post: ThreadInCourse, platform: Platform) -> EventParts:
    """The report of a thread's opening is taken back."""
    return {"object": opening_message(post, platform), "extensions": {"reported": False}}


@family.maps("edx.forum.response.unreported", "edx.forum.comment.unreported", reads=AnswerInCourse, **CLASSIFIED)
def answer_unreported(post: AnswerInCourse, platform: Platform) -> EventParts:
    """The report of a response or a comment is taken back."""
    return {"object": answer(post, platform), "extensions": {"reported": False}}


@family.maps("edx.forum.thread.locked", reads=LockInCourse, **MODIFIED)
def thread_locked(post: LockInCourse, platform: Platform) -> EventParts:
    """A moderator closes a thread; nobody can answer any more."""
    return {"object": thread(post, platform), "extensions": {"locked": True, "reason": post.lock_reason}}


@family.maps("edx.forum.thread.unlocked", reads=ThreadInCourse, **MODIFIED)
def thread_unlocked(post: ThreadInCourse, platform: Platform) -> EventParts:
    """A moderator opens a thread again."""
    return {"object": thread(post, platform), "extensions": {"locked": False}}


@family.maps("edx.forum.thread.followed", reads=ThreadInCourse, action="Subscribed", **GENERAL)
def thread_followed(post: ThreadInCourse, platform: Platform) -> EventParts:
    """The learner follows a thread. A ForumEvent would have a forum as object."""
    return {"object": thread(post, platform)}


@family.maps("edx.forum.thread.unfollowed", reads=ThreadInCourse, action="Unsubscribed", **GENERAL)
def thread_unfollowed(post: ThreadInCourse, platform: Platform) -> EventParts:
    """The learner no longer follows a thread."""
    return {"object": thread(post, platform)}


@family.maps("edx.forum.response.mark", reads=MarkInCourse, **RANKED)
def response_marked(post: MarkInCourse, platform: Platform) -> EventParts:
    """A response is marked as the answer to a question, or endorsed."""
    marked = answer(post, platform)
    return {"object": marked, "generated": Rating(marked["id"], None if post.mark is None else [post.mark])}


@family.maps("edx.forum.response.unmark", reads=AnswerInCourse, **RANKED)
def response_unmarked(post: AnswerInCourse, platform: Platform) -> EventParts:
    """The mark of a response is taken back."""
    marked = answer(post, platform)
    return {"object": marked, "generated": Rating(marked["id"], None)}


@family.maps("edx.forum.searched", reads=SearchFields, reads_if={"texts": SearchedWordsFields}, **SEARCHED)
def forum_searched(search: SearchFields, platform: Platform) -> EventParts | Skip:
    """The learner searches the forum: how much was found; what for only where the operator lets it out."""
    if search.searched is not None:
        return Skip(SEARCH_FOR_PEOPLE)
    searched = _forum((platform, search.course_id))
    return {"object": searched, "generated": SearchResponse(searched["id"], search.results, words_of(search))}
