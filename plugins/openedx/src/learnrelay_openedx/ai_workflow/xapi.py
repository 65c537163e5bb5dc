"""AI workflows: begun, continued, answered."""

from __future__ import annotations

from learnrelay import Family, Platform
from learnrelay_xapi import activities
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import StatementParts

from .. import xapi_vocabulary as openedx
from ..addresses import block_iri
from .fields import WorkflowFields, workflow_address

family = Family("xapi.ai_workflow")


def workflow_used(workflow: WorkflowFields, platform: Platform) -> StatementParts:
    """Makes the workflow, in the block where the learner used it."""
    block = None if workflow.location is None else block_iri(platform, workflow.location)
    return {
        "object": {
            "id": workflow_address(workflow, platform),
            "definition": {"name": activities.text(workflow.profile, platform)},
        },
        "context": {
            "contextActivities": {"parent": None if block is None else [{"id": block, "objectType": "Activity"}]},
            "extensions": {openedx.AI_WORKFLOW_ACTION: workflow.action},
        },
    }


@family.maps(
    "openedx.ai.workflow.initialized",
    reads=WorkflowFields, verb=v.INITIALIZED, activity=openedx.AI_WORKFLOW,
)  # fmt: skip
def conversation_begun(workflow: WorkflowFields, platform: Platform) -> StatementParts:
    """The learner begins a conversation with a workflow."""
    return workflow_used(workflow, platform)


@family.maps(
    "openedx.ai.workflow.interacted",
    reads=WorkflowFields, verb=v.INTERACTED, activity=openedx.AI_WORKFLOW,
)  # fmt: skip
def conversation_continued(workflow: WorkflowFields, platform: Platform) -> StatementParts:
    """The learner takes one more turn in a conversation."""
    return workflow_used(workflow, platform)


@family.maps(
    "openedx.ai.workflow.completed",
    reads=WorkflowFields, verb=v.COMPLETED, activity=openedx.AI_WORKFLOW,
)  # fmt: skip
def workflow_answered(workflow: WorkflowFields, platform: Platform) -> StatementParts:
    """A workflow of one turn has answered; this says nothing about what the learner has done."""
    return workflow_used(workflow, platform)
