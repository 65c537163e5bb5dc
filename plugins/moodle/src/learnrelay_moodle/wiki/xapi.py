"""Wikis: learners write, read and comment on pages."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as moodle
from ..xapi_activities import inside_activity
from .fields import WikiCommentFields, WikiPageFields, page_of_wiki

family = Family("xapi.moodle_wiki")


def about(page: WikiPageFields | WikiCommentFields, platform: Platform) -> StatementParts:
    """Makes the parts about a page in its wiki."""
    return {"object": {"id": page_of_wiki(page, platform)}, "context": inside_activity(platform, "wiki", page.cmid)}


@family.maps(r"\mod_wiki\event\page_created", reads=WikiPageFields, verb=moodle.CREATED, activity=moodle.PAGE)
def page_created(page: WikiPageFields, platform: Platform) -> StatementParts:
    """The learner begins a page."""
    return about(page, platform)


@family.maps(r"\mod_wiki\event\page_updated", reads=WikiPageFields, verb=v.EDITED, activity=moodle.PAGE)
def page_updated(page: WikiPageFields, platform: Platform) -> StatementParts:
    """The learner changes a page."""
    return about(page, platform)


@family.maps(r"\mod_wiki\event\page_viewed", reads=WikiPageFields, verb=v.VIEWED, activity=moodle.PAGE)
def page_viewed(page: WikiPageFields, platform: Platform) -> StatementParts:
    """The learner reads a page."""
    return about(page, platform)


@family.maps(r"\mod_wiki\event\comment_created", reads=WikiCommentFields, verb=moodle.COMMENTED, activity=moodle.PAGE)
def page_commented(comment: WikiCommentFields, platform: Platform) -> StatementParts:
    """The learner comments on a page."""
    return about(comment, platform)
