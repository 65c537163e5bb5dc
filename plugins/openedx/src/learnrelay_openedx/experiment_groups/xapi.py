"""Groups into which the platform puts learners to show them different content."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .fields import ExperimentGroupFields, experiment_group_iri

family = Family("xapi.experiment_groups")


@family.maps(
    "xmodule.partitions.assigned_user_to_partition",
    reads=ExperimentGroupFields, verb=v.WAS_ASSIGNED, activity=v.GROUP,
)  # fmt: skip
def group_assigned(group: ExperimentGroupFields, platform: Platform) -> StatementParts:
    """The platform puts the learner into a group of an experiment."""
    name = activities.text(group.title, platform)
    return {"object": {"id": experiment_group_iri(group, platform), "definition": {"name": name}}}
