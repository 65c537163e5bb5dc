"""Names of personal data in Moodle's rows."""

from __future__ import annotations

from learnrelay.personal_data import Grade, PersonalNames

from .rows import COLUMNS

_PERSONAL_COLUMNS = {
    "objectid": Grade.INDIRECT,  # of an attempt, a submission, a post
    "userid": Grade.INDIRECT,
    "relateduserid": Grade.INDIRECT,
    "realuserid": Grade.INDIRECT,
    "ip": Grade.DIRECT,
}

PERSONAL_NAMES = PersonalNames(
    direct=frozenset({
        "concept", "content", "filename", "newcontent", "q", "response", "searchterm", "submissiontitle", "title",
    }),
    indirect=frozenset({
        "attemptid", "badgeissuedid", "cmivalue", "currentgrade", "evidenceid", "finalgrade", "grade", "groupanduser",
        "groupid", "optionid", "overrideby", "planid", "relateduserid", "reportid", "submissionid", "submitterid",
        "usercompetencyid", "userid",
    }),
    known_paths={
        "name": Grade.NONE,
        "timestamp": Grade.NONE,
        "data": Grade.INDIRECT,  # a list, or a single value
        **{f"context.{column}": _PERSONAL_COLUMNS.get(column, Grade.NONE) for column in COLUMNS},
    },
    closed=frozenset({"component", "action", "target", "objecttable", "crud", "origin", "enrol", "cmielement"}),
)  # fmt: skip
