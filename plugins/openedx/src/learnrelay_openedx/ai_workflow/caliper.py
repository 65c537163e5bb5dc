"""AI workflows: begun, continued, answered."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_caliper.parts import EventKind, EventParts

from ..addresses import block_iri
from .fields import WorkflowFields, workflow_address

family = Family("caliper.ai_workflow")

USED: EventKind = {"type": "ToolUseEvent", "action": "Used", "profile": "ToolUseProfile"}


def workflow_used(workflow: WorkflowFields, platform: Platform, step: str) -> EventParts:
    """Makes the workflow, in the block where the learner used it; an extension says which step this is."""
    return {
        "object": {
            "id": workflow_address(workflow, platform),
            "type": "SoftwareApplication",
            "name": workflow.profile,
        },
        "referrer": None
        if workflow.location is None
        else {"id": block_iri(platform, workflow.location), "type": "DigitalResource"},
        "extensions": {"step": step, "workflowAction": workflow.action},
    }


@family.maps("openedx.ai.workflow.initialized", reads=WorkflowFields, **USED)
def conversation_begun(workflow: WorkflowFields, platform: Platform) -> EventParts:
    """The learner begins a conversation with a workflow."""
    return workflow_used(workflow, platform, "initialized")


@family.maps("openedx.ai.workflow.interacted", reads=WorkflowFields, **USED)
def conversation_continued(workflow: WorkflowFields, platform: Platform) -> EventParts:
    """The learner takes one more turn in a conversation."""
    return workflow_used(workflow, platform, "interacted")


@family.maps("openedx.ai.workflow.completed", reads=WorkflowFields, **USED)
def workflow_answered(workflow: WorkflowFields, platform: Platform) -> EventParts:
    """A workflow of one turn has answered; this says nothing about what the learner has done."""
    return workflow_used(workflow, platform, "completed")
