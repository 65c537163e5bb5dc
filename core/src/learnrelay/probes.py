"""Defines what a probe of a sink or an input says, for ``learnrelay check --connect``."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Says whether something can be used, and in a few words what was found.

    No secret, no value of an event or a statement.
    """

    is_sound: bool
    reason: str = ""
