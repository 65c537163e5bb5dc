"""Lists realistic values of the fields of Open edX's events."""

from __future__ import annotations

import re

from learnrelay.sample_values import MarkedForms, SampleValues

COURSE = "course-v1:Harbour+SAIL+2026"
_BLOCK = "block-v1:Harbour+SAIL+2026+type@problem+block@"
MOMENTS = ("2026-03-02T09:00:00.250000+00:00", "2026-05-11T17:42:07+02:00")

_MARKED_COURSE = "course-v1:{mark}+{mark}c+{mark}r"
_MARKED_BLOCK = "block-v1:{first}+{first}c+{first}r+type@problem+block@{mark}"
_MARKED_URL = f"https://{{mark}}.example/{{mark}}?activate_block_id={_MARKED_BLOCK}".replace("+", "%2B")

SAMPLE_VALUES = SampleValues(
    by_name={
        "course_id": (COURSE, "course-v1:Atoll+TIDE+2025"),
        "course_key": (COURSE, "course-v1:Atoll+TIDE+2025"),
        "org_id": ("Harbour", "Atoll"),
        "org": ("Harbour", "Atoll"),
        "problem_id": (f"{_BLOCK}4f1c", f"{_BLOCK}9b2e"),
        "module_id": (f"{_BLOCK}77aa", f"{_BLOCK}51cd"),
        "usage_key": (f"{_BLOCK}c0de", f"{_BLOCK}beef"),
        "block_id": (f"{_BLOCK}aa01", f"{_BLOCK}aa02"),
        "exam_content_id": (f"{_BLOCK}ee01", f"{_BLOCK}ee02"),
        "user_id": (470_113, 470_217),
        "timestamp": MOMENTS,
        "time": MOMENTS,
        "event_source": ("server", "browser"),
        "success": ("correct", "incorrect"),
        "percent_grade": (0.75, 0.5),
        "completion": (0.5, 1.0),
        "target_url": (
            f"/courses/{COURSE}/courseware/week1/",
            "/courses/course-v1:Atoll+TIDE+2025/about",
            "https://learn.harbour-college.net/courses/x/",
        ),
        "current_url": ("https://learn.harbour-college.net/courses/", "https://learn.harbour-college.net/"),
        "referer": (f"https://learn.harbour-college.net/jump?activate_block_id={_BLOCK}c0de".replace("+", "%2B"),),
        "enterprise_uuid": ("6f1b2c7e-0f6e-4c55-9f2f-5a3c1d7e9b10", "0d0a3f0c-2f63-4d0b-8c0e-7b1f2a3c4d5e"),
        "mode": ("verified", "honor"),
        "attempts": (2, 0),
        "response_type": (
            "choiceresponse",
            "multiplechoiceresponse",
            "stringresponse",
            "optionresponse",
            "numericalresponse",
            "truefalseresponse",
        ),
        "answers": ({"first_2_1": "lantern", "first_3_1": ["compass", "anchor"], "second_2_1": ""},),
    },
    marked=(
        MarkedForms(re.compile(r"course_(id|key)|courserun_key"), (_MARKED_COURSE, "{mark}")),
        MarkedForms(  # a page of a course, of which more is published than of other addresses
            re.compile(r"target_url"),
            (f"/courses/{_MARKED_COURSE}/courseware/{{mark}}/", _MARKED_URL, "{mark}", "mailto:{mark}@mail.invalid"),
        ),
        MarkedForms(
            re.compile(r".*(url|referer|page|path|href|link)"),
            (_MARKED_URL, "/{first}/page", "{mark}", "mailto:{mark}@mail.invalid"),
        ),
        MarkedForms(
            re.compile(r"(usage|problem|module|block|content|unit|vertical|sequence|chapter|item|child|id)(_key|_id)?"),
            (_MARKED_BLOCK, "{mark}"),
            completed=True,
        ),
        MarkedForms(re.compile(r"data"), ("input_{mark}_2_1=x",)),
    ),
    keys=(COURSE, f"{_BLOCK}4f1c"),
    entry_key="{mark}_2_1",
)
