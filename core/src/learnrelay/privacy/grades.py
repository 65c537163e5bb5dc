"""Grades source paths by how personal their values are."""

from __future__ import annotations

from ..kinds import Kind, scalar, scalars, strict_text, structure, text
from ..personal_data import Grade, PersonalNames
from .names import grade_of_name, of_path

OPEN_KINDS: tuple[Kind, ...] = (text, strict_text, scalar, scalars, structure)
OPEN_TEXT = "an open text may hold anything"


def grade_of(path: str, platform: PersonalNames, kind: Kind | None = None) -> Grade:
    """Grades a source path: by the platform's known paths and names, then by the names that are personal anywhere.

    With its ``kind``, a path that takes any text is indirect, unless its values are the platform's own.

    >>> names = PersonalNames(indirect=frozenset({"rationale"}), known_paths={"data.old": Grade.DIRECT})
    >>> paths = ("data.old", "data.parts.*.rationale", "data.firstname", "data.old_time")
    >>> [grade_of(path, names).value for path in paths]
    ['direct', 'indirect', 'direct', 'none']
    """
    plain = path.removesuffix(".**")
    if plain in platform.known_paths:
        return platform.known_paths[plain]
    last = plain.replace(".*", "").rpartition(".")[2].lower()
    if last in platform.direct:
        return Grade.DIRECT
    if last in platform.indirect:
        return Grade.INDIRECT
    name = of_path(plain)
    if name is not None:
        return grade_of_name(name)
    return Grade.INDIRECT if last not in platform.closed and any(kind is each for each in OPEN_KINDS) else Grade.NONE
