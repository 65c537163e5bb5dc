"""Forums: learners begin discussions, write and read posts, and follow.

A discussion is a ``Thread`` in its ``Forum``, a post a ``Message`` in its thread.
"""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.entities import Entity
from learnrelay_caliper.parts import EventKind, EventParts

from ..caliper_entities import CREATED, DELETED, GENERAL, MODIFIED, activity
from .fields import (
    DiscussionFields,
    ForumFields,
    PostFields,
    SubscribedDiscussionFields,
    discussion_address,
    post_address,
)

family = Family("caliper.moodle_forum")

POSTED: EventKind = {"type": "MessageEvent", "action": "Posted", "profile": "ForumProfile"}
FORUM: EventKind = {"type": "ForumEvent", "profile": "ForumProfile"}


def thread(fields: DiscussionFields | SubscribedDiscussionFields | PostFields, platform: Platform) -> Entity:
    """Makes the discussion."""
    forum = activity(platform, "forum", fields.cmid)
    return {"id": discussion_address(fields.discussion_id, platform), "type": "Thread", "isPartOf": forum}


def message(post: PostFields, platform: Platform) -> Entity:
    """Makes the post, without its text."""
    return {"id": post_address(post, platform), "type": "Message", "isPartOf": thread(post, platform)}


@family.maps(r"\mod_forum\event\discussion_created", reads=DiscussionFields, **CREATED)
def discussion_created(discussion: DiscussionFields, platform: Platform) -> EventParts:
    """The learner begins a discussion; its first post has no row of its own."""
    return {"object": thread(discussion, platform)}


@family.maps(
    r"\mod_forum\event\discussion_viewed",
    reads=DiscussionFields, type="ViewEvent", action="Viewed", profile="ForumProfile",
)  # fmt: skip
def discussion_viewed(discussion: DiscussionFields, platform: Platform) -> EventParts:
    """The learner reads a discussion."""
    return {"object": thread(discussion, platform)}


@family.maps(r"\mod_forum\event\post_created", reads=PostFields, **POSTED)
def post_created(post: PostFields, platform: Platform) -> EventParts:
    """The learner replies in a discussion."""
    return {"object": message(post, platform)}


@family.maps(r"\mod_forum\event\post_updated", reads=PostFields, **MODIFIED)
def post_updated(post: PostFields, platform: Platform) -> EventParts:
    """The one who acts changes a post, of their own or as moderator."""
    return {"object": message(post, platform)}


@family.maps(r"\mod_forum\event\post_deleted", reads=PostFields, **DELETED)
def post_deleted(post: PostFields, platform: Platform) -> EventParts:
    """The one who acts removes a post, of their own or as moderator."""
    return {"object": message(post, platform)}


@family.maps(r"\mod_forum\event\subscription_created", reads=ForumFields, action="Subscribed", **FORUM)
def forum_followed(forum: ForumFields, platform: Platform) -> EventParts:
    """The learner follows a forum."""
    return {"object": activity(platform, "forum", forum.cmid)}


@family.maps(r"\mod_forum\event\subscription_deleted", reads=ForumFields, action="Unsubscribed", **FORUM)
def forum_left(forum: ForumFields, platform: Platform) -> EventParts:
    """The learner follows a forum no longer."""
    return {"object": activity(platform, "forum", forum.cmid)}


@family.maps(
    r"\mod_forum\event\discussion_subscription_created",
    reads=SubscribedDiscussionFields, action="Subscribed", **GENERAL,
)  # fmt: skip
def discussion_followed(discussion: SubscribedDiscussionFields, platform: Platform) -> EventParts:
    """The learner follows a discussion."""
    return {"object": thread(discussion, platform)}


@family.maps(
    r"\mod_forum\event\discussion_subscription_deleted",
    reads=SubscribedDiscussionFields, action="Unsubscribed", **GENERAL,
)  # fmt: skip
def discussion_left(discussion: SubscribedDiscussionFields, platform: Platform) -> EventParts:
    """The learner follows a discussion no longer."""
    return {"object": thread(discussion, platform)}
