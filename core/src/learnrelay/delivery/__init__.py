"""Delivery: the outbox, and the drains that bring what is in it to the consumers."""

from .dead_letters import DeadLetter, DeadLetters, Selection
from .engine import EmbeddedEngine, Engine
from .intake import Parcel
from .outbox import Outbox, Status

__all__ = ["DeadLetter", "DeadLetters", "EmbeddedEngine", "Engine", "Outbox", "Parcel", "Selection", "Status"]
