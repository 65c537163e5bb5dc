"""Groups into which the platform puts learners to show them different content."""

from __future__ import annotations

from learnrelay import Fields, Platform, optional, required
from learnrelay.kinds import count, text

from ..courses import COURSE_FOUND, WHERE, course_key

_ARM = "says in which arm of an experiment the learner is; the family is off by default for that"


class ExperimentGroupFields(Fields):
    """Declares a group by its number and that of its partition, which are those of one course, and its title."""

    course_id = required(*COURSE_FOUND, kind=course_key, reason=WHERE)
    partition_id = required("data.partition_id", kind=count, example=(50, 51))
    group_id = required("data.group_id", kind=count, example=(1, 2), reason=_ARM)
    title = optional("data.group_name", kind=text)


def experiment_group_iri(group: ExperimentGroupFields, platform: Platform) -> str:
    """Returns the address of a group."""
    return platform.iri(
        "courses", group.course_id, "partitions", str(group.partition_id), "groups", str(group.group_id)
    )
