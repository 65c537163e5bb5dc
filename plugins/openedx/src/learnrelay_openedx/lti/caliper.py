"""LTI tools: launched by a block of the course, or by a page around it.

A ToolLaunchEvent asks for the session of the launch, which the platform's event does not tell: so these are the base
Event.
"""

from __future__ import annotations

from learnrelay import Family, Platform, Skip
from learnrelay_caliper.entities import Entity
from learnrelay_caliper.parts import EventKind, EventParts

from ..addresses import NO_PAGE, block_iri, page_address
from .fields import BlockLaunchFields, LaunchFields

family = Family("caliper.lti")

LAUNCHED: EventKind = {"type": "Event", "action": "Launched", "profile": "GeneralProfile"}


def launch_of(launch: LaunchFields, platform: Platform, link: Entity | None = None) -> EventParts | Skip:
    """Makes the tool, with the link that opened it as target, the version of LTI and the learner's role."""
    tool = page_address(platform, launch.launch_url, declared="data.launch_url")
    if tool is None:
        return Skip(NO_PAGE)
    return {
        "object": {"id": tool, "type": "SoftwareApplication"},
        "target": link,
        "extensions": {"ltiVersion": launch.version, "ltiRole": launch.role},
    }


@family.maps("edx.lti.xblock.launch_request", reads=BlockLaunchFields, **LAUNCHED)
def launched_by_block(launch: BlockLaunchFields, platform: Platform) -> EventParts | Skip:
    """The learner opens an external tool in a block of the course."""
    link = None if launch.block_id is None else {"id": block_iri(platform, launch.block_id), "type": "LtiLink"}
    return launch_of(launch, platform, link)


@family.maps("edx.lti.embed.launch_request", reads=LaunchFields, **LAUNCHED)
def launched_by_page(launch: LaunchFields, platform: Platform) -> EventParts | Skip:
    """The learner opens an external tool that is a page beside the course's content, such as a forum."""
    return launch_of(launch, platform)
