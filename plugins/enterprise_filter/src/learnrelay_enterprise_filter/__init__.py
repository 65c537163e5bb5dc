"""Controls access: which enterprise or university partner may receive which event.

A destination with ``scope = { enterprise = "UUID" }``, ``{ org = "Harbour" }`` or ``{ course = "Harbour+SAIL" }``
receives only events that prove they belong to it. No proof, or one that contradicts itself, means no.
"""

from __future__ import annotations

from collections.abc import Callable

from learnrelay import Scope, hookimpl

from .courses import CourseScope, OrgScope
from .enterprises import EnterpriseScope

__version__ = "0.1.0"


@hookimpl
def register_scopes(register: Callable[[type[Scope]], None]) -> None:
    """Contributes the scopes."""
    register(EnterpriseScope)
    register(OrgScope)
    register(CourseScope)
