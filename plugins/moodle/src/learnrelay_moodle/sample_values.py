"""Lists realistic values of the columns and facts of Moodle's rows."""

from __future__ import annotations

from learnrelay.sample_values import SampleValues

from .facts import SECONDS

_IDS = (902, "1733")  # numbers or digits, as clients of the database write them

SAMPLE_VALUES = SampleValues(
    by_name={
        **dict.fromkeys(
            (
                "attemptid", "competencyid", "contextid", "contextinstanceid", "discussion", "discussionid", "id",
                "instanceid", "itemid", "objectid", "optionid", "slot", "submissionid",
            ),
            _IDS,
        ),
        "userid": (470_113, 470_217),
        "relateduserid": (470_113, 470_217),
        "courseid": (7, 12),
        "contextlevel": (70, 50),
        "timestamp": SECONDS,
        "timecreated": SECONDS,
        "origin": ("web", "ws"),
        "anonymous": (0,),
        "module": ("quiz", "forum"),
        "completionstate": (1, 2, 3, "4", 0),
        "cmivalue": ("85", "completed", "passed", "failed"),
        "finalgrade": (17.5, "12.00000"),
        "grade": (17.5, "12.00000"),
        "grade_max": (20, "100.00000"),
        "grade_pass": (10, "50.00000"),
    },
)  # fmt: skip
