"""Stores statements durably until their destinations have them, and dead letters."""

from __future__ import annotations

from .dead_letters import DeadLetter, DeadLetterFilter, DeadLetters
from .intake import OutgoingStatement
from .outbox import Outbox, Status

__all__ = ["DeadLetter", "DeadLetterFilter", "DeadLetters", "Outbox", "OutgoingStatement", "Status"]
