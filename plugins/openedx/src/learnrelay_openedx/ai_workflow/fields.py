"""AI workflows: which one, what was asked of it, and where in the course. No prompt and no answer."""

from __future__ import annotations

from learnrelay import Fields, Platform, optional, required
from learnrelay.kinds import text

from ..keys import slug


class WorkflowFields(Fields):
    """Declares a workflow by its profile and action, which are words of the site's configuration, and its block."""

    profile = required("data.profile_name", kind=slug, reason="the profile of a workflow, not of a person")
    action = required("data.action", kind=slug)
    location = optional("data.location_id", kind=text, reason="a block of the course, not a place on earth")


def workflow_address(workflow: WorkflowFields, platform: Platform) -> str:
    """Returns the address of a workflow, as openedx-ai-extensions has it."""
    return platform.iri("ai_workflow", f"{workflow.profile}__{workflow.action}")
