"""Activities as statements name them. Their ids are the addresses that the Open edX ecosystem's dashboards expect."""

from __future__ import annotations

from typing import Any

from learnrelay import Site

from . import vocabulary as v


def block(site: Site, usage_key: str, *suffix: str) -> str:
    """Id of a block, or of a thing that belongs to one (its answer, a hint)."""
    return site.iri("xblock", usage_key, *suffix)


def course(site: Site, course_id: str) -> str:
    """Id of a course run."""
    return site.iri("course", course_id)


def titled_course(site: Site, course_id: str, mode: str | None = None) -> dict[str, Any]:
    """The course as the object of a statement, with its title and the learner's enrolment mode where known."""
    return {
        "id": course(site, course_id),
        "definition": {
            "name": text(site.course_title(course_id)),
            "extensions": {v.TYPE: mode},
        },
    }


def course_parent(site: Site, course_id: str) -> dict[str, Any]:
    """The course as the context of what happens in it."""
    definition: dict[str, Any] = {"type": v.COURSE}
    if title := site.course_title(course_id):
        definition["name"] = {"en-US": title}
    return {"id": course(site, course_id), "objectType": "Activity", "definition": definition}


def text(value: str | None, language: str = "en") -> dict[str, str] | None:
    """A language map with one entry, or None."""
    return None if value is None else {language: value}
