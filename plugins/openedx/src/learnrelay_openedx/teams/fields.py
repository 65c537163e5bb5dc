"""Teams of learners. The id of a team begins with its name; names and descriptions are not read.

Search words are read only where `texts` is on.
"""

from __future__ import annotations

from learnrelay import Fields, Platform, optional, required
from learnrelay.kinds import count, one_of, text

from ..courses import course_key
from ..free_texts import FREE_TEXT

_TEAM = "published only as a keyed digest: it begins with the name of the team"
_JOINED = ("added_by_another_user", "added_on_create", "joined_from_team_view", "team_csv_import")
_LEFT = ("removed_by_admin", "self_removal", "team_csv_import", "team_deleted")
_PAGES = (
    "browse", "edit-team", "edit-team-members", "manage", "my-teams", "new-team", "search-teams", "single-team",
    "single-topic",
)  # fmt: skip
_PROPERTIES = (
    "country", "course_id", "description", "discussion_topic_id", "language", "name", "organization_protected",
    "topic_id",
)  # fmt: skip


class TeamFields(Fields):
    """Declares a team."""

    team_id = required("data.team_id", kind=text, reason=_TEAM)


class ChangeFields(TeamFields):
    """Declares a property of a team that was changed."""

    changed = optional("data.field", kind=one_of(*_PROPERTIES), example=("name", "language"))


class JoiningFields(TeamFields):
    """Declares how a learner came into a team."""

    method = optional("data.add_method", kind=one_of(*_JOINED), example=_JOINED)


class LeavingFields(TeamFields):
    """Declares how a learner came out of a team."""

    method = optional("data.remove_method", kind=one_of(*_LEFT), example=_LEFT)


class TeamsPageFields(Fields):
    """Declares a page of the teams of a course, and the team that it shows, if any."""

    course_id = required("context.course_id", kind=course_key)
    page = required("data.page_name", kind=one_of(*_PAGES), example=_PAGES)
    team_id = optional("data.team_id", kind=text, reason=_TEAM)


class TeamSearchFields(Fields):
    """Declares a search for teams of a course, without its words."""

    course_id = required("context.course_id", kind=course_key)
    results = optional("data.number_of_results", kind=count)


class TeamSearchWordsFields(TeamSearchFields):
    """Declares a search for teams of a course with its words."""

    words = optional("data.search_text", kind=text, reason=FREE_TEXT)


def teams_iri(teams: TeamsPageFields | TeamSearchFields, platform: Platform) -> str:
    """The address of the teams of a course."""
    return platform.iri("courses", teams.course_id, "teams")
