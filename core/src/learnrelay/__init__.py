"""Turns tracking events of learning platforms into statements of a standard, and delivers them.

Plugin authors need only the names of this module; operators need `Relay`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .errors import (
    ConfigurationError,
    EventError,
    InvalidFieldError,
    LearnrelayError,
    MissingFieldError,
    NotJsonError,
    OutboxError,
    OutboxFullError,
    PluginError,
    TransformError,
    Unavailable,
    UnreadableEventError,
)
from .events import RequestNames, Shape, SourceEvent
from .facts import Facts, Who
from .families import Family
from .fields import Fields, each, entry_key, extract_subdict_by_keys, optional, required
from .frames import Frame, MakeFrame
from .hookspecs import hookimpl
from .inputs import Input, InputBatch, InputHost
from .mapping import MappingResult, Parts, Skip, Transformer
from .personal_data import Grade, PersonalNames
from .platform import Platform
from .providers import CourseProvider, IdentityProvider, Learner, UserRef
from .sample_values import MarkedForms, SampleValues
from .scopes import Scope, Unproven
from .sources import (
    UNREADABLE_COURSE,
    CourseEvidence,
    CourseParts,
    CourseProof,
    CourseRef,
    EnterpriseProof,
    Source,
)
from .standards import (
    Answer,
    Compose,
    Constant,
    Hole,
    Judgement,
    Prepare,
    Request,
    SerializedStatement,
    Standard,
    Statement,
    Verdict,
    cached_json,
    judge_status,
    to_json,
    without_none,
)
from .uuids import content_uuid

if TYPE_CHECKING:
    from .relay import Relay

__version__ = "0.1.0"

__all__ = [
    "UNREADABLE_COURSE",
    "Answer",
    "Compose",
    "ConfigurationError",
    "Constant",
    "CourseEvidence",
    "CourseParts",
    "CourseProof",
    "CourseProvider",
    "CourseRef",
    "EnterpriseProof",
    "EventError",
    "Facts",
    "Family",
    "Fields",
    "Frame",
    "Grade",
    "Hole",
    "IdentityProvider",
    "Input",
    "InputBatch",
    "InputHost",
    "InvalidFieldError",
    "Judgement",
    "Learner",
    "LearnrelayError",
    "MakeFrame",
    "MappingResult",
    "MarkedForms",
    "MissingFieldError",
    "NotJsonError",
    "OutboxError",
    "OutboxFullError",
    "Parts",
    "PersonalNames",
    "Platform",
    "PluginError",
    "Prepare",
    "Relay",
    "Request",
    "RequestNames",
    "SampleValues",
    "Scope",
    "SerializedStatement",
    "Shape",
    "Skip",
    "Source",
    "SourceEvent",
    "Standard",
    "Statement",
    "TransformError",
    "Transformer",
    "Unavailable",
    "Unproven",
    "UnreadableEventError",
    "UserRef",
    "Verdict",
    "Who",
    "cached_json",
    "content_uuid",
    "each",
    "entry_key",
    "extract_subdict_by_keys",
    "hookimpl",
    "judge_status",
    "optional",
    "required",
    "to_json",
    "without_none",
]


def __getattr__(name: str) -> Any:
    """Imports `Relay` on first use, because it brings the database and HTTP with it."""
    if name == "Relay":
        from .relay import Relay

        return Relay
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
