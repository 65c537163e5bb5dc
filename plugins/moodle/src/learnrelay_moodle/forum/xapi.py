"""Forums: learners begin discussions, write and read posts, and follow."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as moodle
from ..addresses import activity_address
from ..xapi_activities import inside_activity
from .fields import (
    DiscussionFields,
    ForumFields,
    PostFields,
    SubscribedDiscussionFields,
    discussion_address,
    post_address,
)

family = Family("xapi.moodle_forum")


def in_forum(address: str, forum: ForumFields, platform: Platform) -> StatementParts:
    """Makes the parts about something in a forum."""
    return {"object": {"id": address}, "context": inside_activity(platform, "forum", forum.cmid)}


@family.maps(r"\mod_forum\event\discussion_created", reads=DiscussionFields, verb=v.POSTED, activity=v.DISCUSSION)
def discussion_created(discussion: DiscussionFields, platform: Platform) -> StatementParts:
    """The learner begins a discussion; its first post has no row of its own."""
    return in_forum(discussion_address(discussion.discussion_id, platform), discussion, platform)


@family.maps(r"\mod_forum\event\discussion_viewed", reads=DiscussionFields, verb=v.VIEWED, activity=v.DISCUSSION)
def discussion_viewed(discussion: DiscussionFields, platform: Platform) -> StatementParts:
    """The learner reads a discussion."""
    return in_forum(discussion_address(discussion.discussion_id, platform), discussion, platform)


@family.maps(r"\mod_forum\event\post_created", reads=PostFields, verb=moodle.REPLIED, activity=moodle.FORUM_REPLY)
def post_created(post: PostFields, platform: Platform) -> StatementParts:
    """The learner replies in a discussion."""
    return in_forum(post_address(post, platform), post, platform)


@family.maps(r"\mod_forum\event\post_updated", reads=PostFields, verb=v.EDITED, activity=moodle.FORUM_REPLY)
def post_updated(post: PostFields, platform: Platform) -> StatementParts:
    """The one who acts changes a post, of their own or as moderator."""
    return in_forum(post_address(post, platform), post, platform)


@family.maps(r"\mod_forum\event\post_deleted", reads=PostFields, verb=v.DELETED, activity=moodle.FORUM_REPLY)
def post_deleted(post: PostFields, platform: Platform) -> StatementParts:
    """The one who acts removes a post, of their own or as moderator."""
    return in_forum(post_address(post, platform), post, platform)


@family.maps(r"\mod_forum\event\subscription_created", reads=ForumFields, verb=moodle.FOLLOWED, activity=moodle.FORUM)
def forum_followed(forum: ForumFields, platform: Platform) -> StatementParts:
    """The learner follows a forum."""
    return {"object": {"id": activity_address(platform, "forum", forum.cmid)}}


@family.maps(
    r"\mod_forum\event\subscription_deleted",
    reads=ForumFields, verb=moodle.STOPPED_FOLLOWING, activity=moodle.FORUM,
)  # fmt: skip
def forum_left(forum: ForumFields, platform: Platform) -> StatementParts:
    """The learner follows a forum no longer."""
    return {"object": {"id": activity_address(platform, "forum", forum.cmid)}}


@family.maps(
    r"\mod_forum\event\discussion_subscription_created",
    reads=SubscribedDiscussionFields, verb=moodle.FOLLOWED, activity=v.DISCUSSION,
)  # fmt: skip
def discussion_followed(discussion: SubscribedDiscussionFields, platform: Platform) -> StatementParts:
    """The learner follows a discussion."""
    return in_forum(discussion_address(discussion.discussion_id, platform), discussion, platform)


@family.maps(
    r"\mod_forum\event\discussion_subscription_deleted",
    reads=SubscribedDiscussionFields, verb=moodle.STOPPED_FOLLOWING, activity=v.DISCUSSION,
)  # fmt: skip
def discussion_left(discussion: SubscribedDiscussionFields, platform: Platform) -> StatementParts:
    """The learner follows a discussion no longer."""
    return in_forum(discussion_address(discussion.discussion_id, platform), discussion, platform)
