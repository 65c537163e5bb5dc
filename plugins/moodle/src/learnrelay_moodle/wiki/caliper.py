"""Wikis: learners write, read and comment on pages."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.entities import Entity
from learnrelay_caliper.parts import EventParts

from ..caliper_entities import COMMENTED, CREATED, MODIFIED, READ, activity, comment
from .fields import WikiCommentFields, WikiPageFields, page_of_wiki

family = Family("caliper.moodle_wiki")


def page_entity(page: WikiPageFields | WikiCommentFields, platform: Platform) -> Entity:
    """Makes the page, as a part of its wiki."""
    wiki = activity(platform, "wiki", page.cmid)
    return {"id": page_of_wiki(page, platform), "type": "WebPage", "isPartOf": wiki}


@family.maps(r"\mod_wiki\event\page_created", reads=WikiPageFields, **CREATED)
def page_created(page: WikiPageFields, platform: Platform) -> EventParts:
    """The learner begins a page."""
    return {"object": page_entity(page, platform)}


@family.maps(r"\mod_wiki\event\page_updated", reads=WikiPageFields, **MODIFIED)
def page_updated(page: WikiPageFields, platform: Platform) -> EventParts:
    """The learner changes a page."""
    return {"object": page_entity(page, platform)}


@family.maps(r"\mod_wiki\event\page_viewed", reads=WikiPageFields, **READ)
def page_viewed(page: WikiPageFields, platform: Platform) -> EventParts:
    """The learner reads a page."""
    return {"object": page_entity(page, platform)}


@family.maps(r"\mod_wiki\event\comment_created", reads=WikiCommentFields, **COMMENTED)
def page_commented(fields: WikiCommentFields, platform: Platform) -> EventParts:
    """The learner comments on a page."""
    page = page_entity(fields, platform)
    return {"object": page, "generated": comment(platform, page, fields.comment_id)}
