"""Teams of learners: made, changed, joined, left, looked at, searched."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import ActivityParts, StatementParts

from .. import xapi_vocabulary as openedx
from ..addresses import team_iri
from ..free_texts import FreeTextSettings, words_of
from .fields import (
    ChangeFields,
    JoiningFields,
    LeavingFields,
    TeamFields,
    TeamSearchFields,
    TeamSearchWordsFields,
    TeamsPageFields,
    teams_iri,
)

family = Family("xapi.teams", settings_schema=FreeTextSettings)


@family.maps("edx.team.created", reads=TeamFields, verb=v.CREATED, activity=v.GROUP)
def team_created(team: TeamFields, platform: Platform) -> StatementParts:
    """The learner makes a team."""
    return {"object": {"id": team_iri(platform, team.team_id)}}


@family.maps("edx.team.deleted", reads=TeamFields, verb=v.DISBANDED, activity=v.GROUP)
def team_deleted(team: TeamFields, platform: Platform) -> StatementParts:
    """A team is deleted."""
    return {"object": {"id": team_iri(platform, team.team_id)}}


@family.maps("edx.team.changed", reads=ChangeFields, verb=v.UPDATED, activity=v.GROUP)
def team_changed(team: ChangeFields, platform: Platform) -> StatementParts:
    """A property of a team is changed: which one, not what it was and is."""
    return {
        "object": {"id": team_iri(platform, team.team_id)},
        "context": {"extensions": {openedx.CHANGED_FIELD: team.changed}},
    }


def membership(team: JoiningFields | LeavingFields, platform: Platform) -> StatementParts:
    """The team, and how the learner came in or out."""
    return {
        "object": {"id": team_iri(platform, team.team_id)},
        "context": {"extensions": {openedx.MEMBERSHIP_METHOD: team.method}},
    }


@family.maps("edx.team.learner_added", reads=JoiningFields, verb=v.JOINED, activity=v.GROUP)
def team_joined(team: JoiningFields, platform: Platform) -> StatementParts:
    """The learner comes into a team."""
    return membership(team, platform)


@family.maps("edx.team.learner_removed", reads=LeavingFields, verb=v.LEFT, activity=v.GROUP)
def team_left(team: LeavingFields, platform: Platform) -> StatementParts:
    """The learner is no longer in a team."""
    return membership(team, platform)


@family.maps("edx.team.page_viewed", reads=TeamsPageFields, verb=v.VIEWED, activity=v.WEBPAGE)
def teams_page_viewed(page: TeamsPageFields, platform: Platform) -> StatementParts:
    """The learner sees a page about teams."""
    shown: list[ActivityParts] | None = None
    if page.team_id is not None:
        iri = team_iri(platform, page.team_id)
        shown = [{"id": iri, "objectType": "Activity", "definition": {"type": v.GROUP}}]
    return {
        "object": {"id": f"{teams_iri(page, platform)}#{page.page}"},
        "context": {"contextActivities": {"other": shown}},
    }


@family.maps(
    "edx.team.searched",
    reads=TeamSearchFields, reads_if={"texts": TeamSearchWordsFields}, verb=v.SEARCHED, activity=v.GROUP,
)  # fmt: skip
def teams_searched(search: TeamSearchFields, platform: Platform) -> StatementParts:
    """The learner searches for a team: how many were found; what for only where the operator lets it out."""
    return {
        "object": {"id": teams_iri(search, platform)},
        "result": {"response": words_of(search), "extensions": {openedx.RESULTS: search.results}},
    }
