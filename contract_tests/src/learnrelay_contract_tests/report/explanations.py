"""Says where the documentation explains why a check fails."""

from __future__ import annotations

import re

PAGE = "https://learnrelay.github.io/learnrelay/why-checks-fail.html"
"""The page ``docs/why-checks-fail.md`` on the documentation site, with a section for each check."""


def anchor_of(check: str) -> str:
    """Returns the anchor of the section on a check, as GitHub and the site make it of the heading.

    >>> anchor_of("privacy.non-interference")
    'privacynon-interference'
    """
    return re.sub(r"[^\w-]", "", check.lower())


def link_to(check: str) -> str:
    """Returns the address of the section on a check."""
    return f"{PAGE}#{anchor_of(check)}"
