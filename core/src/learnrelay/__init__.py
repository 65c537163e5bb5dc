"""learnrelay: tracking events of a learning platform, in the standards that other systems read, delivered.

Plugin authors need only what is named here; operators need `Relay`.
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
    UnreadableEventError,
)  # fmt: skip
from .families import Family, Said, Skip, Transformer
from .fields import Fields, each, entry_key, extract_subdict_by_keys, optional, required
from .hookspecs import hookimpl
from .routing import Doubt, Scope
from .site import CourseProvider, IdentityProvider, Learner, Site, UserRef
from .standards import (
    Answer,
    Judgement,
    Request,
    Standard,
    Statement,
    Verdict,
    Written,
    content_uuid,
    judge_status,
    kept_json,
    to_json,
)  # fmt: skip

if TYPE_CHECKING:
    from .relay import Relay

__version__ = "0.1.0"

__all__ = [
    "Answer", "ConfigurationError", "CourseProvider", "Doubt", "EventError", "Family", "Fields", "IdentityProvider",
    "InvalidFieldError", "Judgement", "Learner", "LearnrelayError", "MissingFieldError", "NotJsonError", "OutboxError",
    "OutboxFullError", "PluginError", "Relay", "Request", "Said", "Scope", "Site", "Skip", "Standard", "Statement",
    "TransformError", "Transformer", "UnreadableEventError", "UserRef", "Verdict", "Written", "content_uuid", "each",
    "entry_key", "extract_subdict_by_keys", "hookimpl", "judge_status", "kept_json", "optional", "required",
    "to_json",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    """`Relay` brings the database and HTTP with it: it is imported when it is asked for."""
    if name == "Relay":
        from .relay import Relay

        return Relay
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
