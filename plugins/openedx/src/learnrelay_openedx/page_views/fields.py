"""Pages of courses that are opened: requests of signed-in users, by the path alone."""

from __future__ import annotations

from learnrelay import Fields, Skip, optional, required
from learnrelay.kinds import strict_text

from ..courses import course_key
from ..keys import drawn_unit
from ..pages import position, section, subsection, tab

_COURSE = "/courses/course-v1:Harbour+SAIL+2026"
_TABS = (f"{_COURSE}/0123456789abcdef0123456789abcdef/", f"{_COURSE}/fedcba9876543210fedcba9876543210/")

OF_A_PROGRAM = Skip("the request was a program's: no page was opened")
NOT_SHOWN = Skip("no unit was shown: the request is not the learning front end's")


class RequestFields(Fields):
    """Declares what tells a call of a program: a parameter, or a query too long for the platform's log."""

    call = optional("data.GET.ajax", "data.GET._", "data|json.GET.ajax", kind=strict_text)


class CoursePageFields(RequestFields):
    """Declares a page by its course."""

    course_id = required(
        "context.path", kind=course_key, reason="the key of the course alone",
        example=(f"{_COURSE}/progress", "/courses/course-v1:Atoll+TIDE+2025/wiki/"),
    )  # fmt: skip


class SectionFields(RequestFields):
    """Declares the page of a section."""

    block_id = required(
        "context.path", kind=section, reason="the section, by the course and the block's name in the address",
        example=(f"{_COURSE}/courseware/knots/", "/courses/Harbour/SAIL/2013/courseware/reefs"),
    )  # fmt: skip


class SubsectionFields(RequestFields):
    """Declares the page of a subsection, with the position of a unit, from 1, where the address has one."""

    block_id = required(
        "context.path", kind=subsection, reason="the subsection, by the course and the block's name in the address",
        example=(f"{_COURSE}/courseware/knots/bowline/2", "/courses/Harbour/SAIL/2013/courseware/reefs/first/"),
    )  # fmt: skip
    position = optional("context.path", kind=position, reason="the position of a unit alone")


class TabPageFields(RequestFields):
    """Declares a page that course authors have added, by its id and its course."""

    tab = required("context.path", kind=tab, reason="the id of the page alone, which the platform makes", example=_TABS)
    course_id = required("context.path", kind=course_key, reason="the key of the course alone", example=_TABS)


class UnitFields(RequestFields):
    """Declares a unit, and parameters that the learning front end sends: Studio asks for the same path without."""

    block_id = required(
        "context.path", kind=drawn_unit, reason="the key of the unit alone",
        example=(
            "/xblock/block-v1:Harbour+SAIL+2026+type@vertical+block@c0de",
            "/xblock/block-v1:Atoll+TIDE+2025+type@vertical+block@beef",
        ),
    )  # fmt: skip
    shown = optional("data.GET.show_title", "data.GET.view", kind=strict_text)


UNITS = [
    {
        "name": "openedx.page.unit.viewed",
        "timestamp": f"2026-03-02T09:00:0{number}+00:00",
        "context": {"user_id": 470_113, "course_id": course, "path": f"/xblock/{unit}", "event_source": "server"},
        "data": {"GET": {"show_title": ["0"], "view": ["student_view"]}, "POST": {}},
    }
    for number, (course, unit) in enumerate([
        ("course-v1:Harbour+SAIL+2026", "block-v1:Harbour+SAIL+2026+type@vertical+block@c0de"),
        ("course-v1:Atoll+TIDE+2025", "block-v1:Atoll+TIDE+2025+type@vertical+block@beef"),
        ("", "ccx-block-v1:Atoll+TIDE+2025+ccx@7+type@vertical+block@beef"),
    ])
]  # fmt: skip
SUBSECTION = {
    "name": "openedx.page.subsection.viewed",
    "timestamp": "2026-03-02T09:00:03+00:00",
    "context": {
        "user_id": 470_113, "path": "/courses/Harbour/SAIL/2013/courseware/reefs/first/", "event_source": "server",
    },
    "data": {"GET": {}, "POST": {}},
}  # fmt: skip
SAMPLES = [*UNITS, SUBSECTION]
"""For the contract: units as the learning front end asks for them, for of other samples few are views, and a subsection
without the position of a unit."""
