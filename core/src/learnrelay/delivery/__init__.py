"""Delivery: the outbox, and the drains that bring what is in it to the consumers."""

from .dead_letters import DeadLetter, DeadLetters, Selection
from .engine import EmbeddedEngine, Engine
from .outbox import Outbox, Parcel, Status

__all__ = ["DeadLetter", "DeadLetters", "EmbeddedEngine", "Engine", "Outbox", "Parcel", "Selection", "Status"]
