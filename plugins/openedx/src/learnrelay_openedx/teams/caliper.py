"""Teams of learners: made, changed, joined, left, looked at, searched."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.entities import Entity, Membership, SearchResponse
from learnrelay_caliper.parts import EventKind, EventParts

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

family = Family("caliper.teams", settings_schema=FreeTextSettings)

GENERAL: EventKind = {"type": "Event", "profile": "GeneralProfile"}
VIEWED: EventKind = {"type": "ViewEvent", "action": "Viewed", "profile": "ReadingProfile"}
SEARCHED: EventKind = {"type": "SearchEvent", "action": "Searched", "profile": "SearchProfile"}


def team_group(team_id: str, platform: Platform) -> Entity:
    """Makes the team."""
    return {"id": team_iri(platform, team_id), "type": "Group"}


@family.maps("edx.team.created", reads=TeamFields, action="Created", **GENERAL)
def team_created(team: TeamFields, platform: Platform) -> EventParts:
    """The learner makes a team."""
    return {"object": team_group(team.team_id, platform)}


@family.maps("edx.team.deleted", reads=TeamFields, action="Deleted", **GENERAL)
def team_deleted(team: TeamFields, platform: Platform) -> EventParts:
    """A team is deleted."""
    return {"object": team_group(team.team_id, platform)}


@family.maps("edx.team.changed", reads=ChangeFields, action="Modified", **GENERAL)
def team_changed(team: ChangeFields, platform: Platform) -> EventParts:
    """A property of a team is changed: which one, not what it was and is."""
    return {"object": team_group(team.team_id, platform), "extensions": {"changed": team.changed}}


@family.maps("edx.team.learner_added", reads=JoiningFields, action="Added", **GENERAL)
def team_joined(team: JoiningFields, platform: Platform) -> EventParts:
    """The learner comes into a team."""
    return {"object": Membership(team_iri(platform, team.team_id), "Active", {"method": team.method})}


@family.maps("edx.team.learner_removed", reads=LeavingFields, action="Removed", **GENERAL)
def team_left(team: LeavingFields, platform: Platform) -> EventParts:
    """The learner is no longer in a team."""
    return {"object": Membership(team_iri(platform, team.team_id), "Inactive", {"method": team.method})}


@family.maps("edx.team.page_viewed", reads=TeamsPageFields, **VIEWED)
def teams_page_viewed(page: TeamsPageFields, platform: Platform) -> EventParts:
    """The learner sees a page about teams."""
    shown = None if page.team_id is None else team_group(page.team_id, platform)
    return {
        "object": {"id": f"{teams_iri(page, platform)}#{page.page}", "type": "WebPage"},
        "extensions": {"team": shown},
    }


@family.maps("edx.team.searched", reads=TeamSearchFields, reads_if={"texts": TeamSearchWordsFields}, **SEARCHED)
def teams_searched(search: TeamSearchFields, platform: Platform) -> EventParts:
    """The learner searches for a team: how many were found; what for only where the operator lets it out."""
    teams = {"id": teams_iri(search, platform), "type": "DigitalResourceCollection"}
    return {"object": teams, "generated": SearchResponse(teams["id"], search.results, words_of(search))}
