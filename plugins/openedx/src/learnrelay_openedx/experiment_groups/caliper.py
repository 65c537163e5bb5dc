"""Groups into which the platform puts learners to show them different content."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.entities import Membership
from learnrelay_caliper.parts import EventParts

from .fields import ExperimentGroupFields, experiment_group_iri

family = Family("caliper.experiment_groups")


@family.maps(
    "xmodule.partitions.assigned_user_to_partition",
    reads=ExperimentGroupFields, type="Event", action="Added", profile="GeneralProfile",
)  # fmt: skip
def group_assigned(group: ExperimentGroupFields, platform: Platform) -> EventParts:
    """The platform puts the learner into a group of an experiment."""
    return {"object": Membership(experiment_group_iri(group, platform), "Active", {"name": group.title})}
