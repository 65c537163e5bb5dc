"""Lists who publishes the IRIs of verbs, activity types and extensions, and finds the publisher of an IRI."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from learnrelay import Transformer

from . import vocabulary as v
from .vocabulary import Verb


@dataclass(frozen=True, slots=True)
class Publisher:
    """Describes a published vocabulary or profile.

    prefixes: what its IRIs begin with. url: where it is published. verbs_of: activity type → the verbs that the
    statement templates of the profile have for it; empty for a vocabulary, which has no templates.
    """

    name: str
    url: str
    prefixes: tuple[str, ...]
    verbs_of: Mapping[str, frozenset[str]] = field(default_factory=dict)


_AUTHORED = "https://github.com/adlnet/xapi-authored-profiles/tree/master/"

PUBLISHERS = (
    Publisher("ADL", _AUTHORED + "adl", ("http://adlnet.gov/expapi/",)),
    Publisher("cmi5", _AUTHORED + "cmi5", ("https://w3id.org/xapi/cmi5/", "https://w3id.org/xapi/adl/")),
    Publisher(
        "Video profile",
        _AUTHORED + "video",
        ("https://w3id.org/xapi/video/",),
        {
            v.VIDEO: frozenset(
                verb.id
                for verb in (v.INITIALIZED, v.PLAYED, v.PAUSED, v.SEEKED, v.INTERACTED, v.COMPLETED, v.TERMINATED)
            )
        },
    ),
    Publisher(
        "TinCan registry",
        _AUTHORED + "tincan",
        ("http://id.tincanapi.com/", "http://www.tincanapi.co.uk/", "https://www.opigno.org/en/tincan_registry/"),
    ),
    Publisher("Activity Streams", _AUTHORED + "activity-streams", ("http://activitystrea.ms/",)),
    Publisher("AcrossX", _AUTHORED + "acrossx", ("https://w3id.org/xapi/acrossx/",)),
    Publisher("DoD ISD", _AUTHORED + "dod-isd", ("https://w3id.org/xapi/dod-isd/",)),
    Publisher("PDF annotator", _AUTHORED + "pdf-annotator", ("http://risc-inc.com/annotator/",)),
)

GENERIC_VERBS = frozenset({"http://adlnet.gov/expapi/verbs/experienced", v.INTERACTED.id, v.ATTEMPTED.id})
"""Verbs that say little of what happened: a mapping takes one only where no publisher has a better."""


def publisher_of(iri: str, publishers: Iterable[Publisher] = PUBLISHERS) -> Publisher | None:
    """Returns the publisher of an IRI; None where none is known."""
    return next((publisher for publisher in publishers if iri.startswith(publisher.prefixes)), None)


def verbs_of(transformer: Transformer) -> Sequence[Verb]:
    """Returns the verbs that a mapping declares, the usual one first."""
    declared = transformer.constants["verb"]
    return (declared,) if isinstance(declared, Verb) else tuple(declared)


def profile_of(verb: Verb, activity: str | None, publishers: Iterable[Publisher] = PUBLISHERS) -> Publisher | None:
    """Returns the profile with a statement template for the verb and the activity type; None without one."""
    return next((profile for profile in publishers if verb.id in profile.verbs_of.get(activity or "", ())), None)


def questionable_verbs(
    transformers: Iterable[Transformer], publishers: Sequence[Publisher] = PUBLISHERS
) -> Iterator[tuple[str, str]]:
    """Yields verb and activity type where a verb is generic, or none of those that a profile has for the type.

    A generic verb that a profile prescribes for the type is yielded too: the profile may have a better one.
    """
    for transformer in transformers:
        activity = transformer.constants.get("activity", "")
        has_profile = any(activity in publisher.verbs_of for publisher in publishers)
        for verb in verbs_of(transformer):
            if verb.id in GENERIC_VERBS or (has_profile and profile_of(verb, activity, publishers) is None):
                yield verb.id, activity
