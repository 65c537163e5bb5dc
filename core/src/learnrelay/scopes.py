"""Defines scopes: whom a destination stands for, and how an event proves that it belongs there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from enum import Enum
from typing import Any, ClassVar

from .config.fields import NO_SETTINGS
from .fields import Fields
from .sources import Source


class Unproven(Enum):
    """Gives the reason why an event proves to belong to nobody."""

    ABSENT = "the event names none"
    INSUFFICIENT = "what the event names is no proof"
    UNREADABLE = "what the event names cannot be read"
    CONTRADICTORY = "the event names several that contradict each other"
    FAILED = "the check failed"


class Scope(ABC):
    """Decides whether an event belongs to a destination, for one key of ``scope = { … }``.

    Class attributes
        key: the key in the operator's file.
        reads: the fields that the proof reads, and no others. An instance may have its own.
        examples: values of the operator's file, two at least, for the contract tests where those of events are not.
    """

    key: ClassVar[str]
    reads: type[Fields]
    examples: ClassVar[Sequence[str]] = ()

    def __init__(self, source: Source, settings: Mapping[str, Any] = NO_SETTINGS) -> None:
        """Keeps the source, which declares how its events prove course and enterprise, and the plugin's settings.

        Raises ValueError where the platform's events cannot prove what the scope asks for.
        """
        self.source = source
        self.settings = settings

    @abstractmethod
    def wanted(self, value: str) -> str:
        """Converts a value of the operator's file to the form of `owners`. Raises ValueError with what is expected."""

    @abstractmethod
    def owners(self, fields: Any) -> Collection[str] | Unproven:
        """Returns the names of the owner to whom the event proves to belong, or why it proves none.

        Called once per event, for all destinations. An event belongs to a destination that wants one of the names.
        """
