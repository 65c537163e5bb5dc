"""The forum: threads, responses and comments that learners write, read, vote for and report."""

from __future__ import annotations

from learnrelay import Family, Said, Site
from learnrelay.openedx.forum import (
    ContributionFields,
    ThreadFields,
    VoteFields,
    comment_address,
    thread_address,
)  # fmt: skip

from .. import activities
from .. import vocabulary as v

family = Family("xapi.forum")


def contribution(address: str, post: ContributionFields, site: Site) -> Said:
    """What was written, as part of the thread that it answers."""
    thread_of = None
    if post.thread_id is not None:
        about = {"type": v.DISCUSSION}
        thread_of = [{"id": thread_address(site, post.thread_id), "objectType": "Activity", "definition": about}]
    return {
        "object": {"id": address, "definition": {"name": activities.text(post.title)}},
        "context": {"contextActivities": {"grouping": thread_of}},
    }


def thread(post: ContributionFields, site: Site) -> Said:
    """A thread."""
    return contribution(thread_address(site, post.id), post, site)


def comment(post: ContributionFields, site: Site) -> Said:
    """A response to a thread, or a comment on a response: the platform has both under one address."""
    return contribution(comment_address(site, post.id), post, site)


def with_extensions(said: Said, extensions: Said) -> Said:
    """The same with extensions in the context."""
    return {**said, "context": {**said["context"], "extensions": extensions}}


@family.maps("edx.forum.thread.created", reads=ThreadFields, verb=v.POSTED, activity=v.DISCUSSION)
def thread_posted(post: ThreadFields, site: Site) -> Said:
    """The learner begins a thread: a discussion or a question."""
    return with_extensions(thread(post, site), {v.TYPE: post.thread_type})


@family.maps(
    "edx.forum.response.created", "edx.forum.comment.created",
    reads=ContributionFields, verb=v.POSTED, activity=v.DISCUSSION,
)  # fmt: skip
def comment_posted(post: ContributionFields, site: Site) -> Said:
    """The learner responds to a thread, or comments on a response."""
    return comment(post, site)


@family.maps("edx.forum.thread.viewed", reads=ContributionFields, verb=v.VIEWED, activity=v.DISCUSSION)
def thread_viewed(post: ContributionFields, site: Site) -> Said:
    """The learner reads a thread."""
    return thread(post, site)


@family.maps("edx.forum.thread.edited", reads=ContributionFields, verb=v.EDITED, activity=v.DISCUSSION)
def thread_edited(post: ContributionFields, site: Site) -> Said:
    """The learner changes the text of a thread."""
    return thread(post, site)


@family.maps(
    "edx.forum.response.edited", "edx.forum.comment.edited",
    reads=ContributionFields, verb=v.EDITED, activity=v.DISCUSSION,
)  # fmt: skip
def comment_edited(post: ContributionFields, site: Site) -> Said:
    """The learner changes the text of a response or a comment."""
    return comment(post, site)


@family.maps("edx.forum.thread.deleted", reads=ContributionFields, verb=v.DELETED, activity=v.DISCUSSION)
def thread_deleted(post: ContributionFields, site: Site) -> Said:
    """The learner removes a thread."""
    return thread(post, site)


@family.maps(
    "edx.forum.response.deleted", "edx.forum.comment.deleted",
    reads=ContributionFields, verb=v.DELETED, activity=v.DISCUSSION,
)  # fmt: skip
def comment_deleted(post: ContributionFields, site: Site) -> Said:
    """The learner removes a response or a comment."""
    return comment(post, site)


def vote(vote: VoteFields) -> Said:
    """Which way the vote went, and whether it was taken back."""
    return {v.TYPE: vote.vote, v.VOTE_TAKEN_BACK: vote.taken_back or None}


@family.maps("edx.forum.thread.voted", reads=VoteFields, verb=v.VOTED, activity=v.DISCUSSION)
def thread_voted(post: VoteFields, site: Site) -> Said:
    """The learner votes for a thread, or takes the vote back."""
    return with_extensions(thread(post, site), vote(post))


@family.maps("edx.forum.response.voted", reads=VoteFields, verb=v.VOTED, activity=v.DISCUSSION)
def response_voted(post: VoteFields, site: Site) -> Said:
    """The learner votes for a response, or takes the vote back."""
    return with_extensions(comment(post, site), vote(post))


@family.maps("edx.forum.thread.reported", reads=ContributionFields, verb=v.REPORTED, activity=v.DISCUSSION)
def thread_reported(post: ContributionFields, site: Site) -> Said:
    """The learner reports a thread to the moderators."""
    return thread(post, site)


@family.maps(
    "edx.forum.response.reported", "edx.forum.comment.reported",
    reads=ContributionFields, verb=v.REPORTED, activity=v.DISCUSSION,
)  # fmt: skip
def comment_reported(post: ContributionFields, site: Site) -> Said:
    """The learner reports a response or a comment to the moderators."""
    return comment(post, site)


@family.maps("edx.forum.thread.unreported", reads=ContributionFields, verb=v.UNREPORTED, activity=v.DISCUSSION)
def thread_unreported(post: ContributionFields, site: Site) -> Said:
    """The learner takes the report of a thread back."""
    return thread(post, site)


@family.maps(
    "edx.forum.response.unreported", "edx.forum.comment.unreported",
    reads=ContributionFields, verb=v.UNREPORTED, activity=v.DISCUSSION,
)  # fmt: skip
def comment_unreported(post: ContributionFields, site: Site) -> Said:
    """The learner takes the report of a response or a comment back."""
    return comment(post, site)
