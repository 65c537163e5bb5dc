"""The forum: threads, and the responses and comments in them."""

from __future__ import annotations

from learnrelay import Fields, Platform, optional, required
from learnrelay.kinds import boolean, count, one_of, text

from ..courses import COURSE, COURSE_FOUND, COURSE_OF_PAGE, WHERE, course_key
from ..free_texts import FREE_TEXT


class PostFields(Fields):
    """Declares a thread, a response or a comment."""

    id = required("data.id", kind=text)


class TitledFields(PostFields):
    """Declares a contribution, and what the thread is called."""

    title = optional("data.title", kind=text, reason="the title is what a thread is called")


class ContributionFields(TitledFields):
    """Declares a thread, or a response or comment with the thread that it belongs to."""

    thread_id = optional("data.discussion.id", kind=text)


class ThreadTypeFields(Fields):
    """Declares what a new thread is: ``discussion`` or ``question``."""

    thread_type = optional(
        "data.thread_type", kind=one_of("discussion", "question"), example=("discussion", "question")
    )


class BodyFields(Fields):
    """Declares the text of a contribution, of which the platform logs the beginning."""

    body = optional("data.body", kind=text, reason=FREE_TEXT)


class CastFields(Fields):
    """Declares a vote, given or taken back."""

    vote = optional("data.vote_value", kind=one_of("up", "down"), example=("up", "down"))
    taken_back = optional("data.undo_vote", kind=boolean)


class ReasonFields(Fields):
    """Declares why a thread was locked, by the code of a reason."""

    lock_reason = optional("data.lock_reason", kind=text)


class MarkedFields(Fields):
    """Declares how a response was marked."""

    mark = optional("data.mark_type", kind=one_of("Answer", "Endorse"), example=("Answer", "Endorse"))


class ThreadFields(ContributionFields, ThreadTypeFields):
    """Declares a new thread."""


class WrittenFields(ContributionFields, BodyFields):
    """Declares a contribution with its text."""


class WrittenThread(ThreadFields, WrittenFields):
    """Declares a new thread with its text."""


class VoteFields(ContributionFields, CastFields):
    """Declares a vote for a contribution."""


class LockFields(ContributionFields, ReasonFields):
    """Declares why a thread was locked."""


class MarkFields(ContributionFields, MarkedFields):
    """Declares how a response was marked."""


def body_of(post: Fields) -> str | None:
    """Returns the text of a contribution, where the operator lets it out."""
    return post.body if isinstance(post, BodyFields) else None


class SearchFields(Fields):
    """Declares a search without its words; ``searched`` is what was looked for, where it is not a thread."""

    course_id = required(*COURSE, *COURSE_OF_PAGE, kind=course_key, reason=WHERE)
    searched = optional("data.search_type", kind=text, reason="whether it is a search for people, which is skipped")
    results = optional("data.total_results", kind=count)


class SearchedWordsFields(SearchFields):
    """Declares a search with its words."""

    words = optional("data.query", kind=text, reason=FREE_TEXT)


SEARCH_FOR_PEOPLE = "a search for people in the forum"


class InCourse(PostFields):
    """Declares a contribution to the forum of a course."""

    course_id = optional(*COURSE_FOUND, kind=course_key, reason=WHERE)


class ThreadInCourse(InCourse, TitledFields):
    """Declares a thread in the forum of a course."""


class AnswerInCourse(InCourse):
    """Declares a response or a comment; ``thread_id`` and ``response_id`` are what it answers."""

    thread_id = optional("data.discussion.id", kind=text)
    response_id = optional("data.response.id", kind=text)


class NewThreadInCourse(ThreadInCourse, ThreadTypeFields):
    """Declares a new thread in the forum of a course."""


class WrittenThreadInCourse(NewThreadInCourse, BodyFields):
    """Declares a new thread in the forum of a course with its text."""


class WrittenAnswerInCourse(AnswerInCourse, BodyFields):
    """Declares a response or a comment with its text."""


class LockInCourse(ThreadInCourse, ReasonFields):
    """Declares why a thread in the forum of a course was locked."""


class MarkInCourse(AnswerInCourse, MarkedFields):
    """Declares how a response in the forum of a course was marked."""


class VoteInCourse(ThreadInCourse, CastFields):
    """Declares a vote for a thread in the forum of a course."""


class AnswerVoteInCourse(AnswerInCourse, CastFields):
    """Declares a vote for a response in the forum of a course."""


def thread_address(platform: Platform, thread_id: str) -> str:
    """Returns the address of a thread in the platform's API, the same for every page."""
    return platform.iri("api/discussion/v1/threads", platform.scoped_key(thread_id))


def comment_address(platform: Platform, comment_id: str) -> str:
    """Returns the address of a response or a comment in the platform's API."""
    return platform.iri("api/discussion/v1/comments", platform.scoped_key(comment_id))


def forum_address(platform: Platform, course_id: str) -> str:
    """Returns the address of a course's forum."""
    return platform.iri("courses", course_id, "discussion/forum")
