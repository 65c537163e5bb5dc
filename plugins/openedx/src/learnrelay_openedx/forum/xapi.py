"""The forum: threads, responses and comments that learners write, read, vote for and report."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import ActivityParts, Extensions, StatementParts

from .. import xapi_vocabulary as openedx
from ..free_texts import FreeTextSettings, words_of
from .fields import (
    SEARCH_FOR_PEOPLE,
    ContributionFields,
    LockFields,
    MarkFields,
    SearchedWordsFields,
    SearchFields,
    ThreadFields,
    VoteFields,
    WrittenFields,
    WrittenThread,
    body_of,
    comment_address,
    forum_address,
    thread_address,
)

family = Family("xapi.forum", settings_schema=FreeTextSettings)


def contribution(address: str, post: ContributionFields, platform: Platform) -> StatementParts:
    """Makes the parts about a contribution, as part of the thread that it answers."""
    thread_of: list[ActivityParts] | None = None
    if post.thread_id is not None:
        about = {"type": v.DISCUSSION}
        thread_of = [{"id": thread_address(platform, post.thread_id), "objectType": "Activity", "definition": about}]
    return {
        "object": {"id": address, "definition": {"name": activities.text(post.title, platform)}},
        "context": {"contextActivities": {"grouping": thread_of}},
    }


def thread(post: ContributionFields, platform: Platform) -> StatementParts:
    """Makes the object of a thread."""
    return contribution(thread_address(platform, post.id), post, platform)


def comment(post: ContributionFields, platform: Platform) -> StatementParts:
    """Makes a response to a thread, or a comment on a response: the platform has both under one address."""
    return contribution(comment_address(platform, post.id), post, platform)


def with_extensions(parts: StatementParts, extensions: Extensions) -> StatementParts:
    """Adds extensions to the context of parts."""
    return {**parts, "context": {**parts["context"], "extensions": extensions}}


@family.maps(
    "edx.forum.thread.created",
    reads=ThreadFields, reads_if={"texts": WrittenThread}, verb=v.POSTED, activity=v.DISCUSSION,
)  # fmt: skip
def thread_posted(post: ThreadFields, platform: Platform) -> StatementParts:
    """The learner begins a thread: a discussion or a question."""
    posted = with_extensions(thread(post, platform), {v.TYPE: post.thread_type})
    return {**posted, "result": {"response": body_of(post)}}


@family.maps(
    "edx.forum.response.created", "edx.forum.comment.created",
    reads=ContributionFields, reads_if={"texts": WrittenFields}, verb=v.POSTED, activity=v.DISCUSSION,
)  # fmt: skip
def comment_posted(post: ContributionFields, platform: Platform) -> StatementParts:
    """The learner responds to a thread, or comments on a response."""
    return {**comment(post, platform), "result": {"response": body_of(post)}}


@family.maps("edx.forum.thread.viewed", reads=ContributionFields, verb=v.VIEWED, activity=v.DISCUSSION)
def thread_viewed(post: ContributionFields, platform: Platform) -> StatementParts:
    """The learner reads a thread."""
    return thread(post, platform)


@family.maps("edx.forum.thread.edited", reads=ContributionFields, verb=v.EDITED, activity=v.DISCUSSION)
def thread_edited(post: ContributionFields, platform: Platform) -> StatementParts:
    """The learner changes the text of a thread."""
    return thread(post, platform)


@family.maps(
    "edx.forum.response.edited", "edx.forum.comment.edited",
    reads=ContributionFields, verb=v.EDITED, activity=v.DISCUSSION,
)  # fmt: skip
def comment_edited(post: ContributionFields, platform: Platform) -> StatementParts:
    """The learner changes the text of a response or a comment."""
    return comment(post, platform)


@family.maps("edx.forum.thread.deleted", reads=ContributionFields, verb=v.DELETED, activity=v.DISCUSSION)
def thread_deleted(post: ContributionFields, platform: Platform) -> StatementParts:
    """The learner removes a thread."""
    return thread(post, platform)


@family.maps(
    "edx.forum.response.deleted", "edx.forum.comment.deleted",
    reads=ContributionFields, verb=v.DELETED, activity=v.DISCUSSION,
)  # fmt: skip
def comment_deleted(post: ContributionFields, platform: Platform) -> StatementParts:
    """The learner removes a response or a comment."""
    return comment(post, platform)


def vote_extensions(vote: VoteFields) -> Extensions:
    """Makes the extensions of a vote: its direction, and whether it was taken back."""
    return {v.TYPE: vote.vote, openedx.VOTE_TAKEN_BACK: vote.taken_back or None}


@family.maps("edx.forum.thread.voted", reads=VoteFields, verb=openedx.VOTED, activity=v.DISCUSSION)
def thread_voted(post: VoteFields, platform: Platform) -> StatementParts:
    """The learner votes for a thread, or takes the vote back."""
    return with_extensions(thread(post, platform), vote_extensions(post))


@family.maps("edx.forum.response.voted", reads=VoteFields, verb=openedx.VOTED, activity=v.DISCUSSION)
def response_voted(post: VoteFields, platform: Platform) -> StatementParts:
    """The learner votes for a response, or takes the vote back."""
    return with_extensions(comment(post, platform), vote_extensions(post))


@family.maps("edx.forum.thread.reported", reads=ContributionFields, verb=v.REPORTED, activity=v.DISCUSSION)
def thread_reported(post: ContributionFields, platform: Platform) -> StatementParts:
    """The learner reports a thread to the moderators."""
    return thread(post, platform)


@family.maps(
    "edx.forum.response.reported", "edx.forum.comment.reported",
    reads=ContributionFields, verb=v.REPORTED, activity=v.DISCUSSION,
)  # fmt: skip
def comment_reported(post: ContributionFields, platform: Platform) -> StatementParts:
    """The learner reports a response or a comment to the moderators."""
    return comment(post, platform)


@family.maps("edx.forum.thread.unreported", reads=ContributionFields, verb=openedx.UNREPORTED, activity=v.DISCUSSION)
def thread_unreported(post: ContributionFields, platform: Platform) -> StatementParts:
    """The learner takes the report of a thread back."""
    return thread(post, platform)


@family.maps(
    "edx.forum.response.unreported", "edx.forum.comment.unreported",
    reads=ContributionFields, verb=openedx.UNREPORTED, activity=v.DISCUSSION,
)  # fmt: skip
def comment_unreported(post: ContributionFields, platform: Platform) -> StatementParts:
    """The learner takes the report of a response or a comment back."""
    return comment(post, platform)


@family.maps("edx.forum.thread.locked", reads=LockFields, verb=v.CLOSED, activity=v.DISCUSSION)
def thread_locked(post: LockFields, platform: Platform) -> StatementParts:
    """A moderator closes a thread; nobody can answer any more."""
    return with_extensions(thread(post, platform), {openedx.LOCK_REASON: post.lock_reason})


@family.maps("edx.forum.thread.unlocked", reads=ContributionFields, verb=v.OPENED, activity=v.DISCUSSION)
def thread_unlocked(post: ContributionFields, platform: Platform) -> StatementParts:
    """A moderator opens a thread again."""
    return thread(post, platform)


@family.maps("edx.forum.thread.followed", reads=ContributionFields, verb=v.FOLLOWED, activity=v.DISCUSSION)
def thread_followed(post: ContributionFields, platform: Platform) -> StatementParts:
    """The learner follows a thread."""
    return thread(post, platform)


@family.maps("edx.forum.thread.unfollowed", reads=ContributionFields, verb=v.STOPPED_FOLLOWING, activity=v.DISCUSSION)
def thread_unfollowed(post: ContributionFields, platform: Platform) -> StatementParts:
    """The learner no longer follows a thread."""
    return thread(post, platform)


@family.maps("edx.forum.response.mark", reads=MarkFields, verb=v.APPROVED, activity=v.FORUM_REPLY)
def response_marked(post: MarkFields, platform: Platform) -> StatementParts:
    """A response is marked as the answer to a question, or endorsed."""
    return with_extensions(comment(post, platform), {v.TYPE: post.mark})


@family.maps("edx.forum.response.unmark", reads=MarkFields, verb=v.RETRACTED, activity=v.FORUM_REPLY)
def response_unmarked(post: MarkFields, platform: Platform) -> StatementParts:
    """The mark of a response is taken back."""
    return with_extensions(comment(post, platform), {v.TYPE: post.mark})


@family.maps(
    "edx.forum.searched",
    reads=SearchFields, reads_if={"texts": SearchedWordsFields}, verb=v.SEARCHED, activity=v.DISCUSSION,
)  # fmt: skip
def forum_searched(search: SearchFields, platform: Platform) -> StatementParts | Skip:
    """The learner searches the forum: how much was found; what for only where the operator lets it out."""
    if search.searched is not None:
        return Skip(SEARCH_FOR_PEOPLE)
    return {
        "object": {"id": forum_address(platform, search.course_id)},
        "result": {"response": words_of(search), "extensions": {openedx.RESULTS: search.results}},
    }
