"""Office Mix: slides with a recording, in old logs alone, for neither the service nor its block exists any more."""

from __future__ import annotations

from learnrelay import Fields, Platform, optional, required
from learnrelay.kinds import count, number, text

from ..addresses import block_iri, page_address


class MixFields(Fields):
    """Declares a mix by its block, where the event has one, and by its address."""

    block_id = optional("context.module.usage_key", kind=text)
    url = required(
        "data.url", kind=text, reason="which mix it is; no more than `page_address` leaves is published",
        example=("https://mix.example.org/watch/tides", "https://mix.example.org/watch/reefs", "about:blank"),
    )  # fmt: skip


class LoadedMixFields(MixFields):
    """Declares a mix with its length in seconds."""

    duration = optional("data.duration", kind=number)


class PlayedMixFields(MixFields):
    """Declares a mix and the position in it, in seconds."""

    position = optional("data.current_time", kind=number)


class SlideFields(MixFields):
    """Declares a slide of a mix by its number."""

    slide = required("data.slide", kind=count, example=(1, 5))


def mix_address(mix: MixFields, platform: Platform) -> str | None:
    """Returns the address of the block, or else of the mix; None for what is no page of the web."""
    if mix.block_id is not None:
        return block_iri(platform, mix.block_id)
    return page_address(platform, mix.url, declared="data.url")
