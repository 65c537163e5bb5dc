"""LTI tools: launched by a block of the course, or by a page around it."""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_xapi import vocabulary as v
from learnrelay_xapi.parts import Extensions, StatementParts

from .. import xapi_vocabulary as openedx
from ..addresses import NO_PAGE, block_iri, page_address
from .fields import BlockLaunchFields, LaunchFields

family = Family("xapi.lti")


def how(launch: LaunchFields) -> Extensions:
    """Makes the extensions: the version of LTI, and the learner's role."""
    return {openedx.LTI_VERSION: launch.version, openedx.LTI_ROLE: launch.role}


@family.maps("edx.lti.xblock.launch_request", reads=BlockLaunchFields, verb=v.LAUNCHED, activity=v.APPLICATION)
def launched_by_block(launch: BlockLaunchFields, platform: Platform) -> StatementParts | Skip:
    """The learner opens an external tool in a block of the course; without the block, the tool is the object."""
    tool = page_address(platform, launch.launch_url, declared="data.launch_url")
    if tool is None:
        return Skip(NO_PAGE)
    if launch.block_id is None:
        return {"object": {"id": tool}, "context": {"extensions": how(launch)}}
    return {
        "object": {"id": block_iri(platform, launch.block_id)},
        "context": {
            "contextActivities": {
                "other": [{"id": tool, "objectType": "Activity", "definition": {"type": v.APPLICATION}}]
            },
            "extensions": how(launch),
        },
    }


@family.maps("edx.lti.embed.launch_request", reads=LaunchFields, verb=v.LAUNCHED, activity=v.APPLICATION)
def launched_by_page(launch: LaunchFields, platform: Platform) -> StatementParts | Skip:
    """The learner opens an external tool that is a page beside the course's content, such as a forum."""
    tool = page_address(platform, launch.launch_url, declared="data.launch_url")
    return Skip(NO_PAGE) if tool is None else {"object": {"id": tool}, "context": {"extensions": how(launch)}}
