"""Forums: discussions, posts in them, and subscriptions."""

from __future__ import annotations

from learnrelay import Fields, Platform, required

from ..addresses import page_address
from ..column_kinds import ABOUT, row_id


class ForumFields(Fields):
    """Declares a forum."""

    cmid = required("context.contextinstanceid", kind=row_id)


class DiscussionFields(ForumFields):
    """Declares a discussion that is begun or read."""

    discussion_id = required("context.objectid", kind=row_id, reason=ABOUT)


class SubscribedDiscussionFields(ForumFields):
    """Declares a discussion that somebody follows."""

    discussion_id = required("data.discussion", kind=row_id)


class PostFields(ForumFields):
    """Declares a post in a discussion."""

    discussion_id = required("data.discussionid", kind=row_id)
    post_id = required("context.objectid", kind=row_id, reason=ABOUT)


def discussion_address(discussion_id: str, platform: Platform) -> str:
    """Returns the address of a discussion."""
    return page_address(platform, "mod/forum/discuss.php", d=platform.scoped_key(discussion_id))


def post_address(post: PostFields, platform: Platform) -> str:
    """Returns the address of a post in its discussion."""
    return f"{discussion_address(post.discussion_id, platform)}#p{platform.scoped_key(post.post_id)}"
