"""The forum: threads, and the responses and comments in them."""

from __future__ import annotations

from ..fields import Fields, optional, required
from ..kinds import boolean, text
from ..site import Site


class ContributionFields(Fields):
    """A thread, a response or a comment; ``thread_id`` and ``response_id`` are what it answers."""

    id = required("data.id", kind=text)
    title = optional("data.title", kind=text, reason="the title is what a thread is called")
    thread_id = optional("data.discussion.id", kind=text)
    response_id = optional("data.response.id", kind=text)


class ThreadFields(ContributionFields):
    """A new thread: ``discussion`` or ``question``."""

    thread_type = optional("data.thread_type", kind=text)


class VoteFields(ContributionFields):
    """A vote, given or taken back."""

    vote = optional("data.vote_value", kind=text)
    taken_back = optional("data.undo_vote", kind=boolean)


def thread_address(site: Site, thread_id: str) -> str:
    """Where the platform's API has a thread, whichever page it was read on."""
    return site.iri("api/discussion/v1/threads", site.unjoined(thread_id))


def comment_address(site: Site, comment_id: str) -> str:
    """Where the platform's API has a response or a comment."""
    return site.iri("api/discussion/v1/comments", site.unjoined(comment_id))
