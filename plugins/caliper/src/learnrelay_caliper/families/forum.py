"""The forum: threads, responses and comments that learners write, read, vote for and report.

A thread is a ``Thread`` in the course's ``Forum``; what was written is a ``Message``, the thread's opening too.
"""

from __future__ import annotations

from learnrelay import Family, Said, Site, optional
from learnrelay.kinds import text
from learnrelay.openedx.forum import (
    ContributionFields,
    ThreadFields,
    VoteFields,
    comment_address,
    thread_address,
)
from learnrelay.site import cached

from .. import entities
from ..entities import Entity, Known, Rating

family = Family("caliper.forum")

POSTED = {"type": "MessageEvent", "action": "Posted", "profile": "ForumProfile"}
VIEWED = {"type": "ViewEvent", "action": "Viewed", "profile": "ForumProfile"}
RANKED = {"type": "FeedbackEvent", "action": "Ranked", "profile": "FeedbackProfile"}
MODIFIED = {"type": "ResourceManagementEvent", "action": "Modified", "profile": "ResourceManagementProfile"}
DELETED = {"type": "ResourceManagementEvent", "action": "Deleted", "profile": "ResourceManagementProfile"}
CLASSIFIED = {"type": "Event", "action": "Classified", "profile": "GeneralProfile"}


class InCourse(ContributionFields):
    """A contribution to the forum of a course."""

    course_id = optional("context.course_id", "data.course_id", kind=text)


class ThreadInCourse(ThreadFields, InCourse):
    """A new thread in it."""


class VoteInCourse(VoteFields, InCourse):
    """A vote in it."""


# --- entities -------------------------------------------------------------------------------------------


@cached
def _forum(of: tuple[Site, str]) -> Known:
    site, course_id = of
    address = site.iri("courses", course_id, "discussion/forum")
    return Known({"id": address, "type": "Forum", "isPartOf": entities.course_id(site, course_id)})


def forum(post: InCourse, site: Site) -> Known | None:
    """The forum of the course."""
    return None if post.course_id is None else _forum((site, post.course_id))


def thread(post: InCourse, site: Site) -> Entity:
    """The thread that the event is about."""
    return {
        "id": thread_address(site, post.id),
        "type": "Thread",
        "name": post.title,
        "isPartOf": forum(post, site),
        "extensions": {"thread_type": post.thread_type if isinstance(post, ThreadInCourse) else None},
    }


def opening(thread_id: str) -> str:
    """Id of the message that opens a thread, beside that of the thread."""
    return f"{thread_id}#opening"


def opening_message(post: InCourse, site: Site) -> Entity:
    """The message that opens the thread that the event is about."""
    whole = thread(post, site)
    return {"id": opening(whole["id"]), "type": "Message", "isPartOf": whole}


def answer(post: InCourse, site: Site) -> Entity:
    """A response to a thread's opening, or a comment on a response: what it replies to is not in every event."""
    place: Entity | None = forum(post, site)
    replied = None
    if post.thread_id is not None:
        thread_id = thread_address(site, post.thread_id)
        place, replied = {"id": thread_id, "type": "Thread", "isPartOf": place}, opening(thread_id)
    if post.response_id is not None:
        replied = comment_address(site, post.response_id)
    return {
        "id": comment_address(site, post.id),
        "type": "Message",
        "replyTo": replied,
        "isPartOf": place,
    }


# --- events ---------------------------------------------------------------------------------------------


@family.maps("edx.forum.thread.created", reads=ThreadInCourse, **POSTED)
def thread_created(post: ThreadInCourse, site: Site) -> Said:
    """The learner opens a thread: a discussion or a question."""
    return {"object": opening_message(post, site)}


@family.maps("edx.forum.response.created", "edx.forum.comment.created", reads=InCourse, **POSTED)
def answer_created(post: InCourse, site: Site) -> Said:
    """The learner responds to a thread, or comments on a response."""
    return {"object": answer(post, site)}


@family.maps("edx.forum.thread.viewed", reads=InCourse, **VIEWED)
def thread_viewed(post: InCourse, site: Site) -> Said:
    """The learner reads a thread."""
    return {"object": thread(post, site)}


def rating(rated: Entity, vote: VoteInCourse) -> Said:
    """A vote for a message; one that was taken back is a rating without selection."""
    return {"object": rated, "generated": Rating(rated["id"], None if vote.taken_back else vote.vote)}


@family.maps("edx.forum.thread.voted", reads=VoteInCourse, **RANKED)
def thread_voted(vote: VoteInCourse, site: Site) -> Said:
    """The learner votes for a thread's opening, or takes the vote back."""
    return rating(opening_message(vote, site), vote)


@family.maps("edx.forum.response.voted", reads=VoteInCourse, **RANKED)
def answer_voted(vote: VoteInCourse, site: Site) -> Said:
    """The learner votes for a response, or takes the vote back."""
    return rating(answer(vote, site), vote)


@family.maps("edx.forum.thread.edited", reads=InCourse, **MODIFIED)
def thread_edited(post: InCourse, site: Site) -> Said:
    """The learner changes a thread's opening."""
    return {"object": opening_message(post, site)}


@family.maps("edx.forum.response.edited", "edx.forum.comment.edited", reads=InCourse, **MODIFIED)
def answer_edited(post: InCourse, site: Site) -> Said:
    """The learner changes a response or a comment."""
    return {"object": answer(post, site)}


@family.maps("edx.forum.thread.deleted", reads=InCourse, **DELETED)
def thread_deleted(post: InCourse, site: Site) -> Said:
    """The learner removes a thread, with all that is in it."""
    return {"object": thread(post, site)}


@family.maps("edx.forum.response.deleted", "edx.forum.comment.deleted", reads=InCourse, **DELETED)
def answer_deleted(post: InCourse, site: Site) -> Said:
    """The learner removes a response or a comment."""
    return {"object": answer(post, site)}


@family.maps("edx.forum.thread.reported", reads=InCourse, **CLASSIFIED)
def thread_reported(post: InCourse, site: Site) -> Said:
    """The learner reports a thread's opening to the moderators."""
    return {"object": opening_message(post, site), "extensions": {"reported": True}}


@family.maps("edx.forum.response.reported", "edx.forum.comment.reported", reads=InCourse, **CLASSIFIED)
def answer_reported(post: InCourse, site: Site) -> Said:
    """The learner reports a response or a comment to the moderators."""
    return {"object": answer(post, site), "extensions": {"reported": True}}


@family.maps("edx.forum.thread.unreported", reads=InCourse, **CLASSIFIED)
def thread_unreported(post: InCourse, site: Site) -> Said:
    """The report of a thread's opening is taken back."""
    return {"object": opening_message(post, site), "extensions": {"reported": False}}


@family.maps("edx.forum.response.unreported", "edx.forum.comment.unreported", reads=InCourse, **CLASSIFIED)
def answer_unreported(post: InCourse, site: Site) -> Said:
    """The report of a response or a comment is taken back."""
    return {"object": answer(post, site), "extensions": {"reported": False}}
