"""Settings that let out what learners write, of families whose events hold it."""

from __future__ import annotations

from learnrelay import Fields
from learnrelay.config.fields import Flag, Section, described

FREE_TEXT = "free text of the learner: it may say anything, of anybody; read only where `texts` is on"
"""Why such a field is read."""


class FreeTextSettings(Section):
    """Declares the settings of a family; ``texts``: whether statements hold what learners write."""

    texts = Flag(
        load_default=False,
        metadata=described("whether statements hold what learners write, which may say anything of anybody", "true"),
    )


def words_of(declared: Fields) -> str | None:
    """Returns what the learner wrote, declared as ``words``, where the operator lets it out."""
    words: str | None = getattr(declared, "words", None)
    return words
