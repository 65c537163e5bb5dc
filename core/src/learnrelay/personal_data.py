"""Defines grades of personal data, and the names of personal data that are a platform's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Grade(Enum):
    """Grades a source field by how personal its values are.

    ``direct`` names a person or reaches one; ``indirect`` is linkable to one, or is free text of one.
    """

    DIRECT = "direct"
    INDIRECT = "indirect"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class PersonalNames:
    """Lists a platform's own names of personal data, besides the general ones of `learnrelay.privacy.names`.

    direct, indirect: last parts of source paths, in lower case. known_paths: paths whose meaning does not depend on the
    event, and those whose last part alone would mislead. closed: last parts of paths whose values are keys or words of
    the platform's own; all other open texts may hold anything.
    """

    direct: frozenset[str] = frozenset()
    indirect: frozenset[str] = frozenset()
    known_paths: Mapping[str, Grade] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
